// SPDX-License-Identifier: Apache-2.0

/// The Prometheus protobuf format: `io.prometheus.client.MetricFamily` messages, each after its length.
///
/// Lengths stand before contents, so a message is written first and its length squeezed in afterwards.
extension ExpositionWriter {
    mutating func beginMessage(_ header: borrowing FamilyHeader) {
        endMessage()
        kind = header.kind
        messageStart = output.count
        messageUnit = header.unit
        putText(1, format.escaping.escape(header.name))
        if let help = header.help { putText(2, help) }
        putVarint(3, header.kind.protobufNumber)
    }

    mutating func endMessage() {
        guard let start = messageStart else { return }
        if let unit = messageUnit, !unit.isEmpty { putText(5, unit) }
        insertLength(at: start)
        messageStart = nil
        messageUnit = nil
    }

    mutating func writeMessage(
        _ labels: borrowing SeriesLabels,
        value: Double,
        timestampMilliseconds: Int64?,
        createdMilliseconds: Int64?,
        exemplar: Exemplar?
    ) {
        let metric = open(4)
        putLabels(labels)
        switch kind {
        case .counter:
            let counter = open(3)
            putDouble(1, value)
            if let exemplar { putExemplar(2, exemplar) }
            putTimestamp(3, createdMilliseconds)
            close(counter)
        case .gauge, .info, .stateSet:
            let gauge = open(2)
            putDouble(1, value)
            close(gauge)
        case .unknown, .histogram, .gaugeHistogram, .summary:
            let untyped = open(5)
            putDouble(1, value)
            close(untyped)
        }
        putSampleTime(timestampMilliseconds)
        close(metric)
    }

    mutating func writeMessage(
        _ labels: borrowing SeriesLabels,
        quantiles: [(quantile: Double, value: Double)],
        count: UInt64,
        sum: Double,
        timestampMilliseconds: Int64?,
        createdMilliseconds: Int64?
    ) {
        let metric = open(4)
        putLabels(labels)
        let summary = open(4)
        putVarint(1, count)
        putDouble(2, sum)
        for (quantile, value) in quantiles {
            let message = open(3)
            putDouble(1, quantile)
            putDouble(2, value)
            close(message)
        }
        putTimestamp(4, createdMilliseconds)
        close(summary)
        putSampleTime(timestampMilliseconds)
        close(metric)
    }

    mutating func writeMessage(
        _ labels: borrowing SeriesLabels,
        bounds: borrowing BucketBounds,
        cumulativeCounts: Swift.Span<UInt64>,
        sum: Double,
        timestampMilliseconds: Int64?,
        createdMilliseconds: Int64?,
        exemplars: [Exemplar?],
        native: NativeHistogram?
    ) {
        let metric = open(4)
        putLabels(labels)
        let histogram = open(7)
        let total = cumulativeCounts.isEmpty ? 0 : cumulativeCounts[cumulativeCounts.count - 1]
        var last: UInt64 = 0
        if let native {
            putNativeCount(native)
        } else {
            putVarint(1, total)
        }
        putDouble(2, native?.sum ?? sum)
        // A purely native histogram has no classic bucket, not even the one up to +Inf.
        let buckets = native != nil && cumulativeCounts.isEmpty ? 0 : bounds.bucketCount
        for index in 0..<buckets {
            if index < cumulativeCounts.count { last = cumulativeCounts[index] }
            let bucket = open(3)
            putVarint(1, last)
            putDouble(2, index < bounds.upperBounds.count ? bounds.upperBounds[index] : .infinity)
            if index < exemplars.count, let exemplar = exemplars[index] { putExemplar(3, exemplar) }
            close(bucket)
        }
        if let native { putNativeBuckets(native) }
        putTimestamp(15, createdMilliseconds)
        if native != nil {
            for case .some(let exemplar) in exemplars where exemplar.timestampMilliseconds != nil {
                putExemplar(16, exemplar)
            }
        }
        close(histogram)
        putSampleTime(timestampMilliseconds)
        close(metric)
    }

    private mutating func putNativeCount(_ native: NativeHistogram) {
        if native.usesIntegers {
            putVarint(1, native.count.asCount)
        } else {
            putDouble(4, native.count)
        }
    }

    private mutating func putNativeBuckets(_ native: NativeHistogram) {
        let usesIntegers = native.usesIntegers
        putVarint(5, Self.zigzag(Int64(native.schema)))
        putDouble(6, native.zeroThreshold)
        if usesIntegers {
            putVarint(7, native.zeroCount.asCount)
        } else {
            putDouble(8, native.zeroCount)
        }
        putSpans(9, native.negativeSpans)
        putCounts(delta: 10, count: 11, native.negativeCounts, usesIntegers)
        if native.positiveSpans.isEmpty, native.negativeSpans.isEmpty, native.zeroThreshold == 0, native.zeroCount == 0
        {
            // An empty run tells an empty native histogram from a classic one.
            putSpans(12, [.init(offset: 0, length: 0)])
        } else {
            putSpans(12, native.positiveSpans)
        }
        putCounts(delta: 13, count: 14, native.positiveCounts, usesIntegers)
    }

    private mutating func putSpans(_ field: UInt64, _ spans: [NativeHistogram.Span]) {
        for span in spans {
            let message = open(field)
            putVarint(1, Self.zigzag(Int64(span.offset)))
            putVarint(2, UInt64(span.length))
            close(message)
        }
    }

    private mutating func putCounts(delta: UInt64, count: UInt64, _ counts: [Double], _ usesIntegers: Bool) {
        guard !counts.isEmpty else { return }
        let message = open(usesIntegers ? delta : count)
        var previous: Int64 = 0
        for value in counts {
            if usesIntegers {
                let whole = Int64(truncatingIfNeeded: value.asCount)
                putRawVarint(Self.zigzag(whole &- previous))
                previous = whole
            } else {
                putRawDouble(value)
            }
        }
        close(message)
    }

    private mutating func putExemplar(_ field: UInt64, _ exemplar: Exemplar) {
        let message = open(field)
        putLabels(exemplar.labels)
        putDouble(2, exemplar.value)
        putTimestamp(3, exemplar.timestampMilliseconds)
        close(message)
    }

    private mutating func putLabels(_ labels: borrowing SeriesLabels) {
        let labels =
            labels.isClassic || format.escaping == .allowUTF8 ? copy labels : labels.escaped(by: format.escaping)
        unsafe labels.text.withUnsafeBufferPointer { bytes in
            var iterator = unsafe RenderedLabelIterator(bytes)
            while let label = iterator.next() {
                let pair = open(1)
                putUnescaped(1, label.name, iterator)
                putUnescaped(2, label.value, iterator)
                close(pair)
            }
        }
    }

    private mutating func putUnescaped(_ field: UInt64, _ range: Range<Int>, _ source: RenderedLabelIterator) {
        let text = open(field)
        source.unescape(range) { output.append($0) }
        close(text)
    }

    private mutating func putTimestamp(_ field: UInt64, _ milliseconds: Int64?) {
        guard let milliseconds else { return }
        var seconds = milliseconds / 1000
        var rest = milliseconds % 1000
        if rest < 0 {
            rest += 1000
            seconds -= 1
        }
        let message = open(field)
        putVarint(1, UInt64(bitPattern: seconds))
        putVarint(2, UInt64(rest) * 1_000_000)
        close(message)
    }

    private mutating func putSampleTime(_ milliseconds: Int64?) {
        if let milliseconds { putVarint(6, UInt64(bitPattern: milliseconds)) }
    }

    // MARK: Wire format

    /// Starts a length-delimited field and returns where its contents begin.
    private mutating func open(_ field: UInt64) -> Int {
        putRawVarint(field << 3 | 2)
        return output.count
    }

    private mutating func close(_ start: Int) {
        insertLength(at: start)
    }

    private mutating func insertLength(at start: Int) {
        let length = output.count - start
        var size = 1
        while length >> (7 * size) != 0 { size += 1 }
        output.insertGap(at: start, length: size)
        for index in 0..<size {
            let part = UInt8(truncatingIfNeeded: length >> (7 * index)) & 0x7f
            output.set(index == size - 1 ? part : part | 0x80, at: start + index)
        }
    }

    private mutating func putText(_ field: UInt64, _ text: String) {
        putRawVarint(field << 3 | 2)
        putRawVarint(UInt64(text.utf8.count))
        output.append(text)
    }

    private mutating func putVarint(_ field: UInt64, _ value: UInt64) {
        putRawVarint(field << 3)
        putRawVarint(value)
    }

    private mutating func putDouble(_ field: UInt64, _ value: Double) {
        putRawVarint(field << 3 | 1)
        putRawDouble(value)
    }

    private mutating func putRawDouble(_ value: Double) {
        for shift in 0..<UInt64(8) { output.append(UInt8(truncatingIfNeeded: value.bitPattern >> (8 * shift))) }
    }

    private mutating func putRawVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        output.append(UInt8(truncatingIfNeeded: rest))
    }

    private static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value << 1) ^ (value >> 63))
    }
}

extension NativeHistogram {
    /// Whole numbers that a `Double` holds exactly can be written as integers.
    var usesIntegers: Bool {
        !isFloat && count.isCount && zeroCount.isCount && positiveCounts.allSatisfy(\.isCount)
            && negativeCounts.allSatisfy(\.isCount)
    }
}

extension Double {
    /// A whole number from 0 to 2^53.
    var isCount: Bool { self >= 0 && self <= 9_007_199_254_740_992 && self == rounded(.towardZero) }

    /// The number as an integer; 0 for what is none.
    var asCount: UInt64 { isCount ? UInt64(self) : 0 }
}
