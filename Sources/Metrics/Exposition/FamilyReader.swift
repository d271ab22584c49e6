// SPDX-License-Identifier: Apache-2.0

/// Reads a whole body of text or OpenMetrics into families, histograms and summaries put together.
///
/// For consumers that are in no hurry: everything is decoded and kept. The scraper uses `LayoutReader`.
public struct FamilyReader: Sendable {
    private struct Builder: Sendable {
        var family: MetricFamily
        var indices: [SeriesLabels: Int] = [:]
        var isImplied: Bool
        /// Samples have the name `base` plus one of the kind's suffixes.
        var base: String
    }

    private var builders: [Builder] = []
    private var byBase: [String: Int] = [:]
    private let encoding: ExpositionFormat.Encoding

    /// Reads a body.
    /// - Parameters:
    ///   - body: the whole of it.
    ///   - encoding: text, OpenMetrics or protobuf.
    /// - Returns: the families in the order of the body; those without samples are left out.
    /// - Throws: what is wrong with the body.
    public static func families(
        in body: Span<UInt8>,
        encoding: ExpositionFormat.Encoding
    ) throws(ExpositionError) -> [MetricFamily] {
        if encoding == .protobuf { return try ProtobufReader.families(in: body) }
        var reader = FamilyReader(encoding: encoding)
        var cursor = ExpositionCursor(encoding)
        while let entry = try cursor.next(in: body) { try reader.take(entry, cursor, body) }
        try cursor.finish()
        return reader.builders.map(\.family).filter { !$0.metrics.isEmpty }
    }

    private init(encoding: ExpositionFormat.Encoding) {
        self.encoding = encoding
    }

    private mutating func take(
        _ entry: ExpositionCursor.Entry,
        _ cursor: ExpositionCursor,
        _ body: Span<UInt8>
    ) throws(ExpositionError) {
        switch entry {
        case .comment: break
        case .type(let name, let kind):
            let index = builder(body.extracting(name))
            builders[index].family.kind = kind
            builders[index].isImplied = false
            builders[index].family.name = Self.queryName(builders[index].base, kind, encoding)
        case .help(let name, let text):
            let index = builder(body.extracting(name))
            builders[index].family.help = ExpositionSeries.decodeHelp(body.extracting(text), encoding: encoding)
        case .unit(let name, let text):
            let index = builder(body.extracting(name))
            builders[index].family.unit = String(decoding: body.extracting(text))
        case .sample(let range, let value, let timestamp):
            let series = try ExpositionSeries(decoding: body.extracting(range), line: cursor.line)
            var exemplar: Exemplar?
            if let found = cursor.exemplar {
                let labels = try ExpositionSeries.decodeLabels(body.extracting(found.labels), line: cursor.line)
                exemplar = Exemplar(
                    labels: SeriesLabels(labels.map { ($0.name, $0.value) }),
                    value: found.value,
                    timestampMilliseconds: found.timestampMilliseconds
                )
            }
            try add(series, value, timestamp, exemplar, line: cursor.line)
        }
    }

    /// The name in the model: OpenMetrics' counters and info metrics get their suffix back.
    private static func queryName(_ base: String, _ kind: MetricKind, _ encoding: ExpositionFormat.Encoding) -> String {
        guard encoding == .openMetrics else { return base }
        return kind == .counter ? base + "_total" : kind == .info ? base + "_info" : base
    }

    private mutating func builder(_ name: Span<UInt8>) -> Int {
        builder(named: ExpositionSeries.decodeHelp(name, encoding: .openMetrics))
    }

    private mutating func builder(named name: String) -> Int {
        if let index = byBase[name] { return index }
        builders.append(Builder(family: MetricFamily(name: name, kind: .unknown), isImplied: true, base: name))
        byBase[name] = builders.count - 1
        return builders.count - 1
    }

    private static func suffixes(_ kind: MetricKind, _ encoding: ExpositionFormat.Encoding) -> [String] {
        let isOpenMetrics = encoding == .openMetrics
        return switch kind {
        case .counter: isOpenMetrics ? ["_total", "_created"] : []
        case .info: isOpenMetrics ? ["_info"] : []
        case .histogram: ["_bucket", "_sum", "_count"] + (isOpenMetrics ? ["_created"] : [])
        case .gaugeHistogram: isOpenMetrics ? ["_bucket", "_gsum", "_gcount"] : []
        case .summary: ["_sum", "_count"] + (isOpenMetrics ? ["_created"] : [])
        case .gauge, .stateSet, .unknown: []
        }
    }

    private mutating func add(
        _ series: ExpositionSeries,
        _ value: Double,
        _ timestamp: Int64?,
        _ exemplar: Exemplar?,
        line: Int
    ) throws(ExpositionError) {
        for suffix in ["_bucket", "_sum", "_count", "_total", "_created", "_info", "_gsum", "_gcount"]
        where series.name.hasASCIISuffix(suffix) {
            guard let index = byBase[String(series.name.dropLast(suffix.count))] else { continue }
            guard Self.suffixes(builders[index].family.kind, encoding).contains(suffix) else { continue }
            return try add(series, suffix, to: index, value, timestamp, exemplar, line: line)
        }
        try add(series, "", to: builder(named: series.name), value, timestamp, exemplar, line: line)
    }

    private mutating func add(
        _ series: ExpositionSeries,
        _ suffix: String,
        to index: Int,
        _ value: Double,
        _ timestamp: Int64?,
        _ exemplar: Exemplar?,
        line: Int
    ) throws(ExpositionError) {
        let kind = builders[index].family.kind
        let special = kind == .summary ? "quantile" : kind == .histogram || kind == .gaugeHistogram ? "le" : nil
        var bound: Double?
        var labels: [(name: String, value: String)] = []
        for label in series.labels {
            if label.name == special {
                let text = Array(label.value.utf8)
                guard let number = ExpositionNumber.parse(text.span) else {
                    throw ExpositionError(.invalidValue, line: line, column: 1)
                }
                bound = number
            } else {
                labels.append((label.name, label.value))
            }
        }
        let position = metric(
            SeriesLabels(labels),
            in: index,
            timestamp,
            isSeparate: special == nil && suffix != "_created"
        )
        builders[index].family.metrics[position].set(suffix, value, bound, exemplar)
    }

    private mutating func metric(
        _ labels: SeriesLabels,
        in index: Int,
        _ timestamp: Int64?,
        isSeparate: Bool
    ) -> Int {
        if let position = builders[index].indices[labels], !isSeparate { return position }
        let value: Metric.Value =
            switch builders[index].family.kind {
            case .histogram, .gaugeHistogram: .histogram(.init(count: 0, sum: 0))
            case .summary: .summary(.init(count: 0, sum: 0))
            default: .number(0)
            }
        builders[index].family.metrics.append(Metric(labels: labels, value: value, timestampMilliseconds: timestamp))
        let position = builders[index].family.metrics.count - 1
        builders[index].indices[labels] = position
        return position
    }
}

extension Metric {
    /// Puts one sample in its place.
    fileprivate mutating func set(_ suffix: String, _ number: Double, _ bound: Double?, _ exemplar: Exemplar?) {
        if suffix == "_created" {
            let milliseconds = (number * 1000).rounded()
            createdMilliseconds = Int64(exactly: milliseconds)
            return
        }
        switch value {
        case .number:
            value = .number(number)
            self.exemplar = exemplar
        case .histogram(var histogram):
            switch suffix {
            case "_sum", "_gsum": histogram.sum = number
            case "_count", "_gcount": histogram.count = number
            default:
                histogram.buckets.append(
                    .init(upperBound: bound ?? .infinity, cumulativeCount: number, exemplar: exemplar)
                )
            }
            value = .histogram(histogram)
        case .summary(var summary):
            switch suffix {
            case "_sum": summary.sum = number
            case "_count": summary.count = number
            default: summary.quantiles.append(.init(quantile: bound ?? .nan, value: number))
            }
            value = .summary(summary)
        }
    }
}

extension String {
    /// Valid UTF-8 as the cursor has checked it.
    fileprivate init(decoding bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
