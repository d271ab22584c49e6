// SPDX-License-Identifier: Apache-2.0

/// Packs native histograms: layout once while it stays, whole counts as steps from the histogram before.
enum HistogramCodec {
    private static let sameLayout: UInt8 = 1
    private static let wholeCounts: UInt8 = 2
    /// More buckets than any schema and limit of ours lets through; what says so is no histogram.
    private static let bucketLimit: UInt64 = 1 << 20

    static func encode(_ histogram: FloatHistogram, after previous: FloatHistogram?, into writer: inout BitWriter) {
        var flags: UInt8 = histogram.counterResetHint.rawValue << 4
        let isSame = previous.map { hasLayout(of: $0, histogram) } ?? false
        if isSame { flags |= sameLayout }
        let counts = [histogram.count, histogram.zeroCount] + histogram.positiveBuckets + histogram.negativeBuckets
        let whole = counts.compactMap { Decimal.whole(of: $0, scale: 0) }
        let before = isSame ? previous.flatMap(wholeNumbers) : nil
        if whole.count == counts.count, !isSame || before != nil { flags |= wholeCounts }
        writer.write(byte: flags)
        if !isSame { encodeLayout(histogram, into: &writer) }
        writer.write(fixed: histogram.sum.bitPattern)
        if flags & wholeCounts == 0 {
            for count in counts { writer.write(fixed: count.bitPattern) }
        } else {
            for (index, number) in whole.enumerated() { writer.write(signed: number &- (before?[index] ?? 0)) }
        }
    }

    static func decode(after previous: FloatHistogram?, from reader: inout BitReader) -> FloatHistogram? {
        let flags = reader.readByte()
        var histogram: FloatHistogram
        if flags & sameLayout != 0 {
            guard let previous else { return nil }
            histogram = previous
        } else {
            guard let layout = decodeLayout(from: &reader) else { return nil }
            histogram = layout
        }
        histogram.counterResetHint = FloatHistogram.CounterResetHint(rawValue: flags >> 4 & 3) ?? .unknown
        histogram.sum = Double(bitPattern: reader.readFixed())
        let before = flags & sameLayout != 0 ? previous.flatMap(wholeNumbers) : nil
        let total = 2 + histogram.positiveBuckets.count + histogram.negativeBuckets.count
        var counts: [Double] = []
        counts.reserveCapacity(total)
        for index in 0..<total {
            if flags & wholeCounts == 0 {
                counts.append(Double(bitPattern: reader.readFixed()))
            } else {
                counts.append(Double(reader.readSigned() &+ (before?[index] ?? 0)))
            }
            if reader.isPastEnd { return nil }
        }
        histogram.count = counts[0]
        histogram.zeroCount = counts[1]
        let positiveEnd = 2 + histogram.positiveBuckets.count
        histogram.positiveBuckets = Array(counts[2..<positiveEnd])
        histogram.negativeBuckets = Array(counts[positiveEnd...])
        return histogram
    }

    private static func hasLayout(of left: FloatHistogram, _ right: FloatHistogram) -> Bool {
        left.schema == right.schema && left.zeroThreshold.bitPattern == right.zeroThreshold.bitPattern
            && left.positiveSpans == right.positiveSpans && left.negativeSpans == right.negativeSpans
            && left.customValues == right.customValues && left.positiveBuckets.count == right.positiveBuckets.count
            && left.negativeBuckets.count == right.negativeBuckets.count
    }

    private static func wholeNumbers(_ histogram: FloatHistogram) -> [Int64]? {
        var numbers: [Int64] = []
        for count in [histogram.count, histogram.zeroCount] + histogram.positiveBuckets + histogram.negativeBuckets {
            guard let number = Decimal.whole(of: count, scale: 0) else { return nil }
            numbers.append(number)
        }
        return numbers
    }

    private static func encodeLayout(_ histogram: FloatHistogram, into writer: inout BitWriter) {
        writer.write(signed: Int64(histogram.schema))
        writer.write(fixed: histogram.zeroThreshold.bitPattern)
        for spans in [histogram.positiveSpans, histogram.negativeSpans] {
            writer.write(varint: UInt64(spans.count))
            for span in spans {
                writer.write(signed: Int64(span.offset))
                writer.write(varint: UInt64(span.length))
            }
        }
        writer.write(varint: UInt64(histogram.positiveBuckets.count))
        writer.write(varint: UInt64(histogram.negativeBuckets.count))
        writer.write(varint: UInt64(histogram.customValues.count))
        for value in histogram.customValues { writer.write(fixed: value.bitPattern) }
    }

    private static func decodeLayout(from reader: inout BitReader) -> FloatHistogram? {
        var histogram = FloatHistogram()
        histogram.schema = Int32(truncatingIfNeeded: reader.readSigned())
        histogram.zeroThreshold = Double(bitPattern: reader.readFixed())
        for isPositive in [true, false] {
            var spans: [FloatHistogram.Span] = []
            let count = reader.readVarint()
            guard count <= bucketLimit else { return nil }
            for _ in 0..<count {
                let offset = Int32(truncatingIfNeeded: reader.readSigned())
                spans.append(.init(offset: offset, length: UInt32(truncatingIfNeeded: reader.readVarint())))
                if reader.isPastEnd { return nil }
            }
            if isPositive { histogram.positiveSpans = spans } else { histogram.negativeSpans = spans }
        }
        let positive = reader.readVarint(), negative = reader.readVarint(), custom = reader.readVarint()
        guard max(positive, negative, custom) <= bucketLimit, !reader.isPastEnd else { return nil }
        histogram.positiveBuckets = Array(repeating: 0, count: Int(positive))
        histogram.negativeBuckets = Array(repeating: 0, count: Int(negative))
        for _ in 0..<custom {
            histogram.customValues.append(Double(bitPattern: reader.readFixed()))
            if reader.isPastEnd { return nil }
        }
        return histogram
    }
}
