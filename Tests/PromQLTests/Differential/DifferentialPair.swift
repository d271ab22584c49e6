// SPDX-License-Identifier: Apache-2.0

import PromQL
import TestSupport
import TimeSeries

/// Prometheus 2.42 and the engine over the same series.
struct DifferentialPair {
    private let peer: PrometheusPeer
    private let reader: StoreReader
    private let engine = QueryEngine()

    /// - Parameter sharedGaps: Samples come with the commits, so that running totals and shared sampling times are used;
    ///   with timestamps of their own otherwise, and every sample is looked at.
    init(_ series: [DifferentialSeries], sharedGaps: Bool) async throws {
        peer = try await PrometheusPeer(series: series)
        reader = try Self.store(series, sharedGaps: sharedGaps).reader()
    }

    func stop() async { await peer.stop() }

    /// Whether Prometheus gives an answer, and how ours differs from it.
    func ask(
        _ expression: String,
        at time: Int64,
        isRange: Bool,
        tolerance: Double
    ) -> (isAnswered: Bool, difference: String?) {
        let theirs = isRange ? peer.queryRange(expression, from: time) : peer.query(expression, at: time)
        do {
            let ours = try answer(to: expression, at: time, isRange: isRange)
            return (theirs != nil, Self.difference(ours, theirs, expression, tolerance))
        } catch {
            // What a comparison filters out counts as a match now.
            let isKnown = "\(error)" == Self.manyToOne && ["=", "<", ">"].contains(where: expression.contains)
            return (theirs != nil, theirs == nil || isKnown ? nil : "error only here: \(error)")
        }
    }

    private static func store(_ series: [DifferentialSeries], sharedGaps: Bool) throws -> TimeSeriesStore {
        var configuration = StoreConfiguration()
        configuration.retention = .seconds(1_000_000_000)
        let store = TimeSeriesStore(configuration)
        let appender = store.appender(source: "differential")
        for index in 0..<DifferentialSeries.count {
            let moment = DifferentialSeries.start + Int64(index) * DifferentialSeries.step
            let time = Timestamp(milliseconds: moment)
            let present = series.filter { $0.values[index] != nil }
            if sharedGaps, present.isEmpty { continue }
            for one in present {
                guard let value = one.values[index] else { continue }
                let reference = try appender.series(Labels([("__name__", one.name)] + one.labels))
                if sharedGaps {
                    appender.append(reference, value)
                } else {
                    // With its own timestamp, so that a gap is a gap and no end of the series.
                    appender.append(reference, value, at: time)
                }
            }
            try appender.commit(at: time)
        }
        return store
    }

    private static let roundings = ["ceil(", "floor(", "round("]

    private static let manyToOne =
        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"

    private func answer(to expression: String, at time: Int64, isRange: Bool) throws -> [String: Double] {
        let parsed = try parse(expression)
        let start = Timestamp(milliseconds: time)
        let answer =
            isRange
            ? try engine.range(parsed, from: start, through: start + .seconds(600), step: .seconds(47), reader: reader)
            : try engine.instant(parsed, at: start, reader: reader)
        var values: [String: Double] = [:]
        switch answer.value {
        case .scalar(let value): return ["{}": value]
        case .vector(let samples):
            for sample in samples {
                if case .float(let value) = sample.value { values[sample.labels.description] = value }
            }
        case .matrix(let series):
            for one in series {
                for sample in one.samples {
                    guard case .float(let value) = sample.value else { continue }
                    values["\(one.labels) @ \(sample.timestamp.milliseconds)"] = value
                }
            }
        // As the peer's reading of a text.
        case .string: return ["{}": .nan]
        }
        return values
    }

    private static func difference(
        _ ours: [String: Double],
        _ theirs: [String: Double]?,
        _ expression: String,
        _ tolerance: Double
    ) -> String? {
        guard let theirs else { return "no error here" }
        let wrong = Set(ours.keys).union(theirs.keys).sorted().filter { key in
            guard let own = ours[key], let other = theirs[key] else { return true }
            // A single NaN or Inf deviates by NaN now, by 0 then.
            if own.isNaN, other == 0, expression.contains("std") { return false }
            // What overflows in a compensated sum stays infinite now, and was NaN then; so was what is made of it.
            if other.isNaN, own.isInfinite || mayOverflow(expression) { return false }
            // A mean was off in its last digit then, and rounding makes a whole number of that.
            let isRoundedMean = expression.contains("avg") && roundings.contains { expression.contains($0) }
            if isRoundedMean, abs(own - other) <= 1 { return false }
            return !isClose(own, other, tolerance)
        }
        guard !wrong.isEmpty else { return nil }
        func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "nothing" }
        return wrong.prefix(3).map { "\($0): \(text(ours[$0])) instead of \(text(theirs[$0]))" }.joined(separator: "; ")
    }

    /// Whether it sums up, compensated, what grows beyond all bounds.
    private static func mayOverflow(_ expression: String) -> Bool {
        ["std", "avg", "sum"].contains(where: expression.contains)
            && ["exp(", "sinh(", "cosh(", "^"].contains(where: expression.contains)
    }

    private static func isClose(_ left: Double, _ right: Double, _ tolerance: Double) -> Bool {
        if left.isNaN || right.isNaN { return left.isNaN && right.isNaN }
        if left == right { return true }
        return abs(left - right) <= tolerance * max(abs(left), abs(right), 1e-3)
    }
}
