// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Buckets of one side of a native histogram by index, ascending; the form that arithmetic works on.
struct SparseBuckets {
    var indices: [Int32] = []
    var counts: [Double] = []

    init() {}

    init(spans: [FloatHistogram.Span], counts all: [Double]) {
        indices.reserveCapacity(all.count)
        counts.reserveCapacity(all.count)
        var index: Int64 = 0
        var position = 0
        for span in spans {
            index += Int64(span.offset)
            for _ in 0..<span.length {
                guard position < all.count, let exact = Int32(exactly: index) else { return }
                indices.append(exact)
                counts.append(all[position])
                position += 1
                index += 1
            }
        }
    }

    var isEmpty: Bool { indices.isEmpty }

    /// Spans without gaps inside and without empty buckets.
    func encoded() -> (spans: [FloatHistogram.Span], counts: [Double]) {
        var spans: [FloatHistogram.Span] = []
        var kept: [Double] = []
        kept.reserveCapacity(counts.count)
        var next: Int64 = 0
        for (index, count) in zip(indices, counts) where count != 0 {
            if let last = spans.indices.last, Int64(index) == next {
                spans[last].length += 1
            } else {
                spans.append(FloatHistogram.Span(offset: Int32(clamping: Int64(index) - next), length: 1))
            }
            next = Int64(index) + 1
            kept.append(count)
        }
        return (spans, kept)
    }

    /// Buckets whose new indices coincide are added up; `map` must be monotonic.
    func mapped(_ map: (Int32) -> Int32) -> SparseBuckets {
        var result = SparseBuckets()
        result.indices.reserveCapacity(indices.count)
        result.counts.reserveCapacity(counts.count)
        for (index, count) in zip(indices, counts) {
            let target = map(index)
            if let last = result.indices.last, last == target {
                result.counts[result.counts.count - 1] += count
            } else {
                result.indices.append(target)
                result.counts.append(count)
            }
        }
        return result
    }

    /// Combines bucket by bucket; a bucket that one side lacks counts as 0 there.
    func merged(with other: SparseBuckets, _ combine: (Double, Double) -> Double) -> SparseBuckets {
        if indices == other.indices {
            var result = self
            for position in counts.indices {
                result.counts[position] = combine(counts[position], other.counts[position])
            }
            return result
        }
        var result = SparseBuckets()
        var left = 0
        var right = 0
        while left < indices.count || right < other.indices.count {
            if right >= other.indices.count || (left < indices.count && indices[left] < other.indices[right]) {
                result.indices.append(indices[left])
                result.counts.append(combine(counts[left], 0))
                left += 1
            } else if left >= indices.count || other.indices[right] < indices[left] {
                result.indices.append(other.indices[right])
                result.counts.append(combine(0, other.counts[right]))
                right += 1
            } else {
                result.indices.append(indices[left])
                result.counts.append(combine(counts[left], other.counts[right]))
                left += 1
                right += 1
            }
        }
        return result
    }

    mutating func scale(_ change: (Double) -> Double) {
        for position in counts.indices { counts[position] = change(counts[position]) }
    }
}
