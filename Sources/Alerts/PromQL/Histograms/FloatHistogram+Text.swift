// SPDX-License-Identifier: Apache-2.0

import GoFormatting
package import TimeSeries

extension FloatHistogram {
    /// `{count:3, sum:4, [-1,1]:2, (1,2]:1}`: what `count_values` makes a label of.
    package var summary: String {
        var parts = ["count:\(GoFloat.general(count))", "sum:\(GoFloat.general(sum))"]
        for bucket in negativeBucketList.reversed() where bucket.count != 0 { parts.append(Self.text(bucket)) }
        if zeroCount != 0 { parts.append(Self.text(zeroBucket)) }
        for bucket in positiveBucketList where bucket.count != 0 { parts.append(Self.text(bucket)) }
        return "{" + parts.joined(separator: ", ") + "}"
    }

    private static func text(_ bucket: HistogramBucket) -> String {
        let open = bucket.isLowerInclusive ? "[" : "("
        let close = bucket.isUpperInclusive ? "]" : ")"
        let bounds = GoFloat.general(bucket.lower) + "," + GoFloat.general(bucket.upper)
        return open + bounds + close + ":" + GoFloat.general(bucket.count)
    }

    /// `{{schema:1 count:3 sum:4 buckets:[1 2]}}`: the notation of series descriptions, which reads it back.
    package var seriesNotation: String {
        var parts: [String] = []
        if schema != 0 { parts.append("schema:\(schema)") }
        if count != 0 { parts.append("count:\(GoFloat.general(count))") }
        if sum != 0 { parts.append("sum:\(GoFloat.general(sum))") }
        if zeroCount != 0 { parts.append("z_bucket:\(GoFloat.general(zeroCount))") }
        if zeroThreshold != 0 { parts.append("z_bucket_w:\(GoFloat.general(zeroThreshold))") }
        if usesCustomBuckets { parts.append("custom_values:" + Self.list(customValues)) }
        switch counterResetHint {
        case .unknown: break
        case .reset: parts.append("counter_reset_hint:reset")
        case .noReset: parts.append("counter_reset_hint:not_reset")
        case .gauge: parts.append("counter_reset_hint:gauge")
        }
        parts += Self.notation(positive, offset: "offset", buckets: "buckets")
        parts += Self.notation(negative, offset: "n_offset", buckets: "n_buckets")
        return "{{" + parts.joined(separator: " ") + "}}"
    }

    private static func list(_ values: [Double]) -> String {
        "[" + values.map(GoFloat.general).joined(separator: " ") + "]"
    }

    private static func notation(_ buckets: SparseBuckets, offset: String, buckets name: String) -> [String] {
        let kept = zip(buckets.indices, buckets.counts).filter { $0.1 != 0 }
        guard let first = kept.first?.0, let last = kept.last?.0, Int(last) - Int(first) < 10_000 else { return [] }
        var counts = [Double](repeating: 0, count: Int(last) - Int(first) + 1)
        for (index, count) in kept { counts[Int(index) - Int(first)] = count }
        return (first == 0 ? [] : ["\(offset):\(first)"]) + [name + ":" + list(counts)]
    }
}
