// SPDX-License-Identifier: Apache-2.0

/// Histograms: classic buckets and the sparse buckets of a native one in the same message.
extension WireDecoder {
    func histogram(into metric: inout Metric) throws(ExpositionError) {
        var decoder = self
        var histogram = MetricHistogram(count: 0, sum: 0)
        var native = NativeHistogram(schema: 0)
        var floatCount = 0.0
        var floatZeroCount = 0.0
        var positive = SparseBuckets()
        var negative = SparseBuckets()
        var schema: Int64 = 0
        while let (number, field) = try decoder.next() {
            switch number {
            case 1: histogram.count = Double(try decoder.number(field))
            case 2: histogram.sum = try decoder.double(field)
            case 3: histogram.buckets.append(try decoder.bucket(field))
            case 4: floatCount = try decoder.double(field)
            case 5: schema = Self.unzigzag(try decoder.number(field))
            case 6: native.zeroThreshold = try decoder.double(field)
            case 7: native.zeroCount = Double(try decoder.number(field))
            case 8: floatZeroCount = try decoder.double(field)
            case 9: negative.spans.append(try decoder.span(field))
            case 10: try decoder.appendSigned(field, to: &negative.deltas)
            case 11: try decoder.appendDoubles(field, to: &negative.counts)
            case 12: positive.spans.append(try decoder.span(field))
            case 13: try decoder.appendSigned(field, to: &positive.deltas)
            case 14: try decoder.appendDoubles(field, to: &positive.counts)
            case 15: metric.createdMilliseconds = try decoder.timestamp(field)
            case 16: histogram.nativeExemplars.append(try decoder.exemplar(field))
            default: break
            }
        }
        if floatCount > 0 { histogram.count = floatCount }
        if floatZeroCount > 0 { native.zeroCount = floatZeroCount }
        // As in Prometheus: the schema alone does not make a histogram native.
        if !positive.spans.isEmpty || !negative.spans.isEmpty || native.zeroThreshold > 0 || native.zeroCount > 0 {
            guard (-4...8).contains(schema), native.zeroThreshold >= 0 else { throw decoder.error(.invalidHistogram) }
            native.schema = Int32(truncatingIfNeeded: schema)
            native.count = histogram.count
            native.sum = histogram.sum
            native.isFloat =
                floatCount > 0 || floatZeroCount > 0 || !positive.counts.isEmpty || !negative.counts.isEmpty
            guard let positiveCounts = positive.absolute, let negativeCounts = negative.absolute else {
                throw decoder.error(.invalidHistogram)
            }
            native.positiveCounts = positiveCounts
            native.negativeCounts = negativeCounts
            native.positiveSpans = positive.spans.filter { $0.length > 0 || positive.spans.count > 1 }
            native.negativeSpans = negative.spans
            histogram.native = native
        }
        metric.value = .histogram(histogram)
    }

    private func bucket(_ field: Field) throws(ExpositionError) -> MetricHistogram.Bucket {
        var decoder = nested(try range(field))
        var bucket = MetricHistogram.Bucket(upperBound: 0, cumulativeCount: 0)
        var floatCount = 0.0
        while let (number, field) = try decoder.next() {
            switch number {
            case 1: bucket.cumulativeCount = Double(try decoder.number(field))
            case 2: bucket.upperBound = try decoder.double(field)
            case 3: bucket.exemplar = try decoder.exemplar(field)
            case 4: floatCount = try decoder.double(field)
            default: break
            }
        }
        if floatCount > 0 { bucket.cumulativeCount = floatCount }
        return bucket
    }

    private func span(_ field: Field) throws(ExpositionError) -> NativeHistogram.Span {
        var decoder = nested(try range(field))
        var offset: Int64 = 0
        var length: UInt64 = 0
        while let (number, field) = try decoder.next() {
            switch number {
            case 1: offset = Self.unzigzag(try decoder.number(field))
            case 2: length = try decoder.number(field)
            default: break
            }
        }
        guard let offset = Int32(exactly: offset), let length = UInt32(exactly: length) else {
            throw decoder.error(.invalidHistogram)
        }
        return .init(offset: offset, length: length)
    }
}

/// One side of a native histogram as it stands in the message.
private struct SparseBuckets {
    var spans: [NativeHistogram.Span] = []
    var deltas: [Int64] = []
    var counts: [Double] = []

    /// One count per bucket of the spans; nil when they do not agree, or a count or an index is out of range.
    var absolute: [Double]? {
        var buckets = 0
        var index: Int64 = 0
        for (number, span) in spans.enumerated() {
            guard number == 0 || span.offset >= 0 else { return nil }
            index += Int64(span.offset) + Int64(span.length)
            guard let _ = Int32(exactly: index) else { return nil }
            buckets += Int(span.length)
            guard buckets <= deltas.count + counts.count else { return nil }
        }
        guard deltas.isEmpty || counts.isEmpty, buckets == deltas.count + counts.count else { return nil }
        if deltas.isEmpty { return counts.allSatisfy { $0 >= 0 } ? counts : nil }
        var result: [Double] = []
        result.reserveCapacity(deltas.count)
        var total: Int64 = 0
        for delta in deltas {
            let (sum, overflow) = total.addingReportingOverflow(delta)
            guard !overflow, sum >= 0 else { return nil }
            total = sum
            result.append(Double(sum))
        }
        return result
    }
}
