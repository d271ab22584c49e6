// SPDX-License-Identifier: Apache-2.0

import Exposition

/// Families with every kind, odd names and values, for the round trips.
enum RandomFamilies {
    static func make(_ count: Int, native: Bool, using random: inout SeededRandom) -> [MetricFamily] {
        (0..<count).map { family($0, native: native, using: &random) }
    }

    private static func family(_ index: Int, native: Bool, using random: inout SeededRandom) -> MetricFamily {
        let kinds: [MetricKind] =
            native ? [.counter, .gauge, .summary, .unknown, .histogram, .gaugeHistogram] : MetricKind.allCases
        let kind = kinds[index % kinds.count]
        let stem = random.chance(20) ? "my.met\"ric\\ ä\(index)" : "metric_\(index)"
        let suffix = kind == .counter ? "_total" : kind == .info ? "_info" : ""
        var labelSets: Set<SeriesLabels> = []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            var labels = labels(using: &random)
            if kind == .stateSet { labels = labels.adding(stem, text(using: &random)) }
            labelSets.insert(labels)
        }
        let ordered = labelSets.sorted { $0.renderedBytes.lexicographicallyPrecedes($1.renderedBytes) }
        return MetricFamily(
            name: stem + suffix,
            kind: kind,
            help: random.chance(70) ? text(using: &random) : nil,
            metrics: ordered.map { metric(kind, $0, native: native, using: &random) }
        )
    }

    private static func metric(
        _ kind: MetricKind,
        _ labels: SeriesLabels,
        native: Bool,
        using random: inout SeededRandom
    ) -> Metric {
        let timestamp =
            random.chance(30) ? Int64.random(in: 1_600_000_000_000...1_900_000_000_000, using: &random) : nil
        let created = random.chance(30) ? Int64.random(in: 1_600_000_000_000...1_900_000_000_000, using: &random) : nil
        switch kind {
        case .histogram, .gaugeHistogram:
            var histogram = classic(using: &random)
            if native, random.chance(60) {
                histogram.native = sparse(count: histogram.count, sum: histogram.sum, using: &random)
            }
            return Metric(
                labels: labels,
                value: .histogram(histogram),
                timestampMilliseconds: timestamp,
                createdMilliseconds: kind == .histogram ? created : nil
            )
        case .summary:
            let quantiles = [0.5, 0.9, 0.99].prefix(Int.random(in: 0...3, using: &random))
            return Metric(
                labels: labels,
                value: .summary(
                    .init(
                        count: Double(Int.random(in: 0...1_000_000, using: &random)),
                        sum: number(using: &random),
                        quantiles: quantiles.map { .init(quantile: $0, value: number(using: &random)) }
                    )
                ),
                timestampMilliseconds: timestamp,
                createdMilliseconds: created
            )
        case .counter:
            return Metric(
                labels: labels,
                value: .number(number(using: &random)),
                timestampMilliseconds: timestamp,
                createdMilliseconds: created,
                exemplar: random.chance(30) ? exemplar(using: &random) : nil
            )
        case .gauge, .info, .stateSet, .unknown:
            let value = kind == .info || kind == .stateSet ? 1 : number(using: &random)
            return Metric(labels: labels, value: .number(value), timestampMilliseconds: timestamp)
        }
    }

    private static func classic(using random: inout SeededRandom) -> MetricHistogram {
        var bounds: Set<Double> = []
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            bounds.insert(Double(Int.random(in: -50...5000, using: &random)) / 100)
        }
        var total = 0.0
        var buckets: [MetricHistogram.Bucket] = []
        for bound in bounds.sorted() + [.infinity] {
            total += Double(Int.random(in: 0...1000, using: &random))
            buckets.append(
                .init(
                    upperBound: bound,
                    cumulativeCount: total,
                    exemplar: random.chance(20) ? exemplar(using: &random) : nil
                )
            )
        }
        return MetricHistogram(count: total, sum: number(using: &random), buckets: buckets)
    }

    private static func sparse(count: Double, sum: Double, using random: inout SeededRandom) -> NativeHistogram {
        var native = NativeHistogram(
            schema: Int32.random(in: -4...8, using: &random),
            zeroThreshold: 1e-128,
            count: count,
            sum: sum
        )
        native.zeroCount = Double(Int.random(in: 0...5, using: &random))
        native.isFloat = random.chance(20) && count > 0
        for index in 0..<Int.random(in: 0...3, using: &random) {
            let length = UInt32.random(in: 1...4, using: &random)
            native.positiveSpans.append(
                .init(offset: Int32.random(in: (index == 0 ? -100 : 0)...100, using: &random), length: length)
            )
            for _ in 0..<length {
                let whole = Double(Int.random(in: 0...1000, using: &random))
                native.positiveCounts.append(native.isFloat ? whole + 0.5 : whole)
            }
        }
        native.negativeSpans = native.positiveSpans
        native.negativeCounts = native.positiveCounts.reversed()
        if native.isFloat, native.positiveCounts.isEmpty, native.zeroCount == 0 { native.isFloat = false }
        return native
    }

    static func exemplar(using random: inout SeededRandom) -> Exemplar {
        Exemplar(
            labels: ["trace_id": String(random.next(), radix: 16)],
            value: Double(Int.random(in: 0...1000, using: &random)) / 8,
            timestampMilliseconds: random.chance(50)
                ? Int64.random(in: 1_600_000_000_000...1_900_000_000_000, using: &random) : nil
        )
    }

    static func labels(using random: inout SeededRandom) -> SeriesLabels {
        var pairs: [(name: String, value: String)] = []
        for _ in 0..<Int.random(in: 0...5, using: &random) {
            let name =
                ["a", "code", "method", "l.e", "ünï", "with \"quote\"", "z_9", "route"].randomElement(using: &random)
                ?? "x"
            pairs.append((name, text(using: &random)))
        }
        return SeriesLabels(pairs)
    }

    static func text(using random: inout SeededRandom) -> String {
        (0..<Int.random(in: 0...8, using: &random)).map { _ in
            ["a", "B", "7", " ", "\\", "\"", "\n", "{", "}", ",", "=", "#", "é", "😀", "\u{0}", "\t", "\r", "n"]
                .randomElement(using: &random) ?? ""
        }.joined()
    }

    static func number(using random: inout SeededRandom) -> Double {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return Double(Int.random(in: 0...1_000_000_000, using: &random))
        case 1: return Double(Int.random(in: -1_000_000...1_000_000, using: &random)) / 1000
        case 2: return [0, 1, -1, .infinity, -.infinity, 1e300, -1e-300].randomElement(using: &random) ?? 0
        default:
            let value = Double(bitPattern: random.next())
            return value.isFinite ? value : 0.5
        }
    }
}
