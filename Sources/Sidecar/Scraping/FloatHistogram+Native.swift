// SPDX-License-Identifier: Apache-2.0

import Exposition
import PromQL
import TimeSeries

extension FloatHistogram {
    /// The histogram as the store holds it, within the limits of its job.
    init(
        _ native: NativeHistogram,
        isGauge: Bool,
        _ configuration: ScrapeConfiguration
    ) throws(ScrapeFailure) {
        self.init(
            counterResetHint: isGauge ? .gauge : .unknown,
            schema: native.schema,
            zeroThreshold: native.zeroThreshold,
            zeroCount: native.zeroCount,
            count: native.count,
            sum: native.sum,
            positiveSpans: native.positiveSpans.map { Span(offset: $0.offset, length: $0.length) },
            negativeSpans: native.negativeSpans.map { Span(offset: $0.offset, length: $0.length) },
            positiveBuckets: native.positiveCounts,
            negativeBuckets: native.negativeCounts
        )
        guard isValid else { throw ScrapeFailure(.parse, "a native histogram's spans and buckets disagree") }
        let inBuckets = positiveBuckets.reduce(zeroCount, +) + negativeBuckets.reduce(0, +)
        // Observations of NaN are counted and in no bucket.
        guard native.isFloat || count == inBuckets || (sum.isNaN && count >= inBuckets) else {
            throw ScrapeFailure(.parse, "a native histogram's count is not that of its buckets")
        }
        compact()
        if let schema = configuration.coarsestWantedSchema, self.schema > schema { reduceResolution(to: schema) }
        let limit = configuration.limits.nativeBuckets
        guard limit > 0 else { return }
        while positiveBuckets.count + negativeBuckets.count > limit {
            guard schema > -4 else {
                throw ScrapeFailure(.limitNativeBuckets, "a native histogram has more than \(limit) buckets")
            }
            reduceResolution(to: schema - 1)
        }
    }
}
