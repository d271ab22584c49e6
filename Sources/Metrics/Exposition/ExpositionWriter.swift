// SPDX-License-Identifier: Apache-2.0

/// Renders metric families into one buffer, in any of the formats.
///
/// Use: `begin` a family, write its series in their order, `begin` the next, `finish`. The writer keeps the order it
/// is given; it neither sorts nor checks that a family comes once. With `FamilyHeader`, `SeriesLabels` and
/// `BucketBounds` made beforehand a line costs no allocation apart from the buffer's growth. A writer is used by one
/// thread at a time; `removeAll` makes it ready for the next rendering and keeps the memory.
///
/// ```swift
/// let requests = FamilyHeader(name: "http_requests_total", kind: .counter, help: "Requests by status.")
/// let ok: SeriesLabels = ["code": "200"]
/// var writer = ExpositionWriter(format: .openMetrics)
/// writer.begin(requests)
/// writer.write(ok, count: 1027)
/// writer.finish()
/// ```
public struct ExpositionWriter: ~Copyable {
    /// What is written.
    public let format: ExpositionFormat
    /// Exemplars left out because their labels are longer than OpenMetrics allows.
    public private(set) var droppedExemplars = 0
    /// Series written; a histogram counts once.
    public private(set) var seriesCount = 0

    var output: ByteBuilder
    var family = RenderedFamily()
    var kind = MetricKind.unknown
    var messageStart: Int?
    var messageUnit: String?
    private var isFinished = false

    var isOpenMetrics: Bool { format.encoding == .openMetrics }

    /// Creates an empty writer.
    /// - Parameters:
    ///   - format: what to write.
    ///   - capacity: bytes to reserve; the size of the last rendering is a good guess.
    public init(format: ExpositionFormat, capacity: Int = 16_384) {
        self.format = format
        self.output = ByteBuilder(capacity: capacity)
    }

    /// Forgets what was written and keeps the memory.
    public mutating func removeAll() {
        output.removeAll()
        messageStart = nil
        messageUnit = nil
        isFinished = false
        seriesCount = 0
        droppedExemplars = 0
    }

    /// Bytes written so far.
    public var count: Int { output.count }

    /// A copy of the bytes. Complete only after `finish`.
    public var bytes: [UInt8] { unsafe Array(output.bytes) }

    /// Lends the bytes without copying. Complete only after `finish`.
    /// - Parameter body: uses the bytes; they must not leave it.
    /// - Returns: what `body` returns.
    public borrowing func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe try body(UnsafeRawBufferPointer(output.bytes))
    }

    /// Starts a family and writes its metadata; ends the family before.
    /// - Parameter header: the family.
    public mutating func begin(_ header: borrowing FamilyHeader) {
        guard format.encoding != .protobuf else { return beginMessage(header) }
        family = header.rendered(for: format)
        kind = header.kind
        output.append(family.header)
    }

    /// Ends the document: OpenMetrics gets its `# EOF`. Nothing may be written afterwards.
    public mutating func finish() {
        guard !isFinished else { return }
        isFinished = true
        endMessage()
        if isOpenMetrics { output.append("# EOF\n") }
    }

    /// Writes one series of a counter, a gauge, an info or an unknown family.
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - value: its value.
    ///   - timestampMilliseconds: when it was so, if not now.
    ///   - createdMilliseconds: when a counter began at zero; OpenMetrics and protobuf carry it.
    ///   - exemplar: for counters; OpenMetrics and protobuf carry it.
    public mutating func write(
        _ labels: borrowing SeriesLabels,
        value: Double,
        timestampMilliseconds: Int64? = nil,
        createdMilliseconds: Int64? = nil,
        exemplar: Exemplar? = nil
    ) {
        seriesCount &+= 1
        guard format.encoding != .protobuf else {
            return writeMessage(
                labels,
                value: value,
                timestampMilliseconds: timestampMilliseconds,
                createdMilliseconds: createdMilliseconds,
                exemplar: exemplar
            )
        }
        writeLine("", labels, number: .double(value), timestampMilliseconds, kind == .counter ? exemplar : nil)
        writeCreated(labels, createdMilliseconds)
    }

    /// Writes one series with a whole number, as counters that count events have.
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - count: its value.
    ///   - createdMilliseconds: when it began at zero; OpenMetrics and protobuf carry it.
    ///   - exemplar: OpenMetrics and protobuf carry it.
    public mutating func write(
        _ labels: borrowing SeriesLabels,
        count: UInt64,
        createdMilliseconds: Int64? = nil,
        exemplar: Exemplar? = nil
    ) {
        seriesCount &+= 1
        guard format.encoding != .protobuf else {
            return writeMessage(
                labels,
                value: Double(count),
                timestampMilliseconds: nil,
                createdMilliseconds: createdMilliseconds,
                exemplar: exemplar
            )
        }
        writeLine("", labels, number: .whole(count), nil, kind == .counter ? exemplar : nil)
        writeCreated(labels, createdMilliseconds)
    }

    /// Writes a histogram: classic buckets, or native ones where the format has them, or both.
    /// - Parameters:
    ///   - labels: the series' labels without `le`.
    ///   - bounds: bounds of the classic buckets.
    ///   - cumulativeCounts: observations up to each bound and, last, all of them: `bounds.bucketCount` numbers. Missing
    ///     ones count as the last one given.
    ///   - sum: sum of all observations.
    ///   - timestampMilliseconds: when it was so, if not now.
    ///   - createdMilliseconds: when it was empty; OpenMetrics and protobuf carry it.
    ///   - exemplars: one per bucket, in the order of the buckets; shorter is fine.
    ///   - native: the native histogram; only protobuf carries it.
    public mutating func writeHistogram(
        _ labels: borrowing SeriesLabels,
        bounds: borrowing BucketBounds,
        cumulativeCounts: Swift.Span<UInt64>,
        sum: Double,
        timestampMilliseconds: Int64? = nil,
        createdMilliseconds: Int64? = nil,
        exemplars: [Exemplar?] = [],
        native: NativeHistogram? = nil
    ) {
        seriesCount &+= 1
        guard format.encoding != .protobuf else {
            return writeMessage(
                labels,
                bounds: bounds,
                cumulativeCounts: cumulativeCounts,
                sum: sum,
                timestampMilliseconds: timestampMilliseconds,
                createdMilliseconds: createdMilliseconds,
                exemplars: exemplars,
                native: native
            )
        }
        let isGauge = isOpenMetrics && kind == .gaugeHistogram
        // A purely native histogram still has a count and one bucket in the text formats.
        var total = cumulativeCounts.isEmpty ? native?.count.asCount ?? 0 : 0
        let first = cumulativeCounts.isEmpty ? bounds.upperBounds.count : 0
        for index in first..<bounds.bucketCount {
            if index < cumulativeCounts.count { total = cumulativeCounts[index] }
            writeLine(
                "_bucket",
                labels,
                extra: isOpenMetrics ? bounds.openMetrics[index] : bounds.text[index],
                number: .whole(total),
                timestampMilliseconds,
                index < exemplars.count ? exemplars[index] : nil
            )
        }
        writeLine(isGauge ? "_gsum" : "_sum", labels, number: .double(sum), timestampMilliseconds, nil)
        writeLine(isGauge ? "_gcount" : "_count", labels, number: .whole(total), timestampMilliseconds, nil)
        writeCreated(labels, createdMilliseconds)
    }

    /// Writes a summary.
    /// - Parameters:
    ///   - labels: the series' labels without `quantile`.
    ///   - quantiles: pairs such as (0.99, 1.5), ascending.
    ///   - count: all observations.
    ///   - sum: their sum.
    ///   - timestampMilliseconds: when it was so, if not now.
    ///   - createdMilliseconds: when it was empty; OpenMetrics and protobuf carry it.
    public mutating func writeSummary(
        _ labels: borrowing SeriesLabels,
        quantiles: [(quantile: Double, value: Double)] = [],
        count: UInt64,
        sum: Double,
        timestampMilliseconds: Int64? = nil,
        createdMilliseconds: Int64? = nil
    ) {
        seriesCount &+= 1
        guard format.encoding != .protobuf else {
            return writeMessage(
                labels,
                quantiles: quantiles,
                count: count,
                sum: sum,
                timestampMilliseconds: timestampMilliseconds,
                createdMilliseconds: createdMilliseconds
            )
        }
        for (quantile, value) in quantiles {
            let label = BucketBounds.label("quantile", quantile, canonical: isOpenMetrics)
            writeLine("", labels, extra: label, number: .double(value), timestampMilliseconds, nil)
        }
        writeLine("_sum", labels, number: .double(sum), timestampMilliseconds, nil)
        writeLine("_count", labels, number: .whole(count), timestampMilliseconds, nil)
        writeCreated(labels, createdMilliseconds)
    }

    /// Writes one state of a state set; the label's name is the family's name, as OpenMetrics wants.
    /// - Parameters:
    ///   - labels: the series' labels, with the state's label made by `stateLabels`.
    ///   - isActive: whether the state holds.
    public mutating func writeState(_ labels: borrowing SeriesLabels, isActive: Bool) {
        seriesCount &+= 1
        guard format.encoding != .protobuf else {
            return writeMessage(
                labels,
                value: isActive ? 1 : 0,
                timestampMilliseconds: nil,
                createdMilliseconds: nil,
                exemplar: nil
            )
        }
        writeLine("", labels, number: .whole(isActive ? 1 : 0), nil, nil)
    }

    mutating func countDroppedExemplar() {
        droppedExemplars &+= 1
    }
}
