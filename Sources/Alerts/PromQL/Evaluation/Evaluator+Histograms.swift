// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import TimeSeries

extension Evaluator {
    /// A vector sorted into histograms: classic ones by their labels without `le`, native ones as they are.
    private struct HistogramVector {
        struct Classic {
            var labels: Labels
            var dropsName: Bool
            /// Series and upper bound of each bucket, ascending by bound.
            var buckets: [(series: Int, upper: Double)]
        }

        var classic: [Classic] = []
        /// Series with native histograms, and the classic one of the same labels.
        var native: [(series: Int, classic: Int?)] = []
    }

    private mutating func histograms(_ block: Block, _ range: Range<Int>) -> HistogramVector {
        var result = HistogramVector()
        var known: [Labels: Int] = [:]
        for (index, series) in block.series.enumerated() {
            guard series.row.presence.contains(Presence.float) else { continue }
            let bound = series.labels[ReservedLabels.bucket] ?? ""
            guard let upper = Self.bound(bound) else {
                annotations.badBucketLabel(bound, name: delaysNameRemoval ? series.labels.name : "", range)
                continue
            }
            let labels = series.labels.dropping([ReservedLabels.bucket])
            let position: Int
            if let found = known[labels] {
                position = found
            } else {
                position = result.classic.count
                known[labels] = position
                result.classic.append(HistogramVector.Classic(labels: labels, dropsName: series.dropsName, buckets: []))
            }
            result.classic[position].buckets.append((index, upper))
        }
        for position in result.classic.indices {
            result.classic[position].buckets.sort { ($0.upper, $0.series) < ($1.upper, $1.series) }
        }
        for (index, series) in block.series.enumerated() where !series.row.histograms.isEmpty {
            result.native.append((index, known[series.labels]))
        }
        return result
    }

    private static func bound(_ text: String) -> Double? {
        guard let first = text.utf8.first, first != UInt8(ascii: " ") else { return nil }
        return NumberScanner.value(of: Array(text.utf8)[...])
    }

    /// Calls `body` for every histogram at every step and puts what it answers into a new vector.
    private mutating func eachHistogram(
        _ block: Block,
        _ range: Range<Int>,
        native: (inout Evaluator, Int, FloatHistogram, String) -> Double,
        classic: (inout Evaluator, Int, [ClassicBucket], String) -> Double,
        into result: inout Block,
        label: ((Labels) -> Labels)? = nil
    ) throws(QueryError) {
        let vector = histograms(block, range)
        for (index, partner) in vector.native {
            try tick()
            let series = block.series[index]
            var row = Row(steps: block.steps)
            for step in 0..<block.steps where series.row.presence[step] == Presence.histogram {
                guard let histogram = series.row.histograms[step] else { continue }
                if let partner, hasBuckets(vector.classic[partner].buckets, block, step) {
                    annotations.mixedClassicAndNative(name: delaysNameRemoval ? series.labels.name : "", range)
                    continue
                }
                row.set(step, native(&self, step, histogram, delaysNameRemoval ? series.labels.name : ""))
            }
            append(row, series.labels, series.dropsName, label, to: &result)
        }
        for (position, entry) in vector.classic.enumerated() {
            try tick()
            let conflict = vector.native.first { $0.classic == position }?.series
            var row = Row(steps: block.steps)
            var buckets: [ClassicBucket] = []
            for step in 0..<block.steps {
                buckets.removeAll(keepingCapacity: true)
                for (series, upper) in entry.buckets where block.series[series].row.presence[step] == Presence.float {
                    buckets.append(ClassicBucket(upper: upper, count: block.series[series].row.values[step]))
                }
                guard !buckets.isEmpty else { continue }
                if let conflict, block.series[conflict].row.presence[step] == Presence.histogram { continue }
                row.set(step, classic(&self, step, buckets, delaysNameRemoval ? entry.labels.name : ""))
            }
            append(row, entry.labels, entry.dropsName, label, to: &result)
        }
    }

    private func hasBuckets(_ buckets: [(series: Int, upper: Double)], _ block: Block, _ step: Int) -> Bool {
        buckets.contains { block.series[$0.series].row.presence[step] == Presence.float }
    }

    private func append(
        _ row: Row,
        _ labels: Labels,
        _ dropsName: Bool,
        _ label: ((Labels) -> Labels)?,
        to result: inout Block
    ) {
        guard !row.isEmpty else { return }
        var series = Block.Series(labels: labels, dropsName: dropsName, row: row)
        dropName(&series)
        if let label { series.labels = label(series.labels) }
        result.series.append(series)
    }

    private mutating func remarkOnQuantile(_ value: Double, _ range: Range<Int>) {
        if value.isNaN || value < 0 || value > 1 { annotations.invalidQuantile(value, range) }
    }

    mutating func histogramQuantile(_ node: FunctionCall, _ window: EvaluationWindow) throws(QueryError) -> Block {
        let shares = try scalar(node.arguments[0], window)
        for share in Set(shares.map(\.bitPattern)) {
            remarkOnQuantile(Double(bitPattern: share), node.arguments[0].range)
        }
        let block = try vector(node.arguments[1], window)
        var result = Block(steps: window.count)
        try quantiles({ shares[$0] }, of: block, node.arguments[0].range, node.arguments[1].range, &result, label: nil)
        release(block.series.count * window.count)
        try hold(result.series.count * window.count)
        return try merged(result)
    }

    mutating func histogramQuantiles(_ node: FunctionCall, _ window: EvaluationWindow) throws(QueryError) -> Block {
        guard case .string(let name) = node.arguments[1].unwrapped else { throw .execution("expected a label name") }
        let block = try vector(node.arguments[0], window)
        var result = Block(steps: window.count)
        for argument in node.arguments.dropFirst(2) {
            let shares = try scalar(argument, window)
            for share in Set(shares.map(\.bitPattern)) { remarkOnQuantile(Double(bitPattern: share), argument.range) }
            // A share that changes from step to step makes one series of each of its values.
            for share in Self.distinct(shares) {
                var part = Block(steps: window.count)
                let text = Self.openMetricsText(share)
                let (first, second) = (node.arguments[0].range, node.arguments[1].range)
                let label: (Labels) -> Labels = { $0.setting(name.value, to: text) }
                try quantiles({ _ in share }, of: block, first, second, &part, label: label)
                for var series in part.series {
                    for step in 0..<window.count where shares[step].bitPattern != share.bitPattern {
                        series.row.remove(step)
                    }
                    if !series.row.isEmpty { result.series.append(series) }
                }
            }
        }
        return try merged(result)
    }

    private static func distinct(_ values: [Double]) -> [Double] {
        var seen: Set<UInt64> = []
        return values.filter { seen.insert($0.bitPattern).inserted }
    }

    /// As OpenMetrics writes label values of quantiles: always with a decimal point.
    private static func openMetricsText(_ value: Double) -> String {
        let text = GoFloat.general(value)
        return value.isFinite && !text.contains(".") && !text.contains("e") ? text + ".0" : text
    }

    private mutating func quantiles(
        _ share: (Int) -> Double,
        of block: Block,
        _ range: Range<Int>,
        _ vectorRange: Range<Int>,
        _ result: inout Block,
        label: ((Labels) -> Labels)?
    ) throws(QueryError) {
        try eachHistogram(
            block,
            vectorRange,
            native: { evaluator, step, histogram, name in
                let outcome = NativeQuantiles.quantile(share(step), of: histogram)
                if outcome.isNaN { evaluator.annotations.quantileIsNaN(name: name, range) }
                if outcome.isSkewed { evaluator.annotations.quantileIsSkewed(name: name, range) }
                return outcome.value
            },
            classic: { evaluator, step, buckets, name in
                let outcome = BucketQuantiles.quantile(share(step), of: buckets)
                if outcome.wasForced { evaluator.annotations.forcedMonotonicity(name: name, vectorRange) }
                return outcome.value
            },
            into: &result,
            label: label
        )
    }

    mutating func histogramFraction(_ node: FunctionCall, _ window: EvaluationWindow) throws(QueryError) -> Block {
        let lower = try scalar(node.arguments[0], window)
        let upper = try scalar(node.arguments[1], window)
        let block = try vector(node.arguments[2], window)
        let range = node.arguments[0].range
        var result = Block(steps: window.count)
        try eachHistogram(
            block,
            node.arguments[2].range,
            native: { evaluator, step, histogram, name in
                if histogram.sum.isNaN { evaluator.annotations.fractionIgnoresNaN(name: name, range) }
                return NativeQuantiles.fraction(lower[step], upper[step], of: histogram)
            },
            classic: { _, step, buckets, _ in BucketQuantiles.fraction(lower[step], upper[step], of: buckets) },
            into: &result
        )
        return try merged(result)
    }
}
