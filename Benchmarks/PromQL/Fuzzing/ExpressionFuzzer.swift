// SPDX-License-Identifier: Apache-2.0

import PromQL
import TestSupport
import TimeSeries

/// Lets parser, printer and evaluator loose on mutated texts. What it finds besides a crash: a printed expression that
/// does not parse to itself, and an input that outlasts its budget.
package struct ExpressionFuzzer {
    package struct Finding: Sendable, CustomStringConvertible {
        package let input: Int
        package let text: String
        package let problem: String

        package var description: String { "input \(input): \(problem): \(text.debugDescription)" }
    }

    package struct Tally: Sendable {
        package var inputs = 0
        /// Expressions that parsed, and those of them that gave an answer.
        package var parsed = 0
        package var answered = 0
        package var slowest = Duration.zero

        package init() {}
    }

    package private(set) var tally = Tally()
    package private(set) var findings: [Finding] = []
    private let seed: UInt64
    private let corpus: ExpressionCorpus
    private let reader: StoreReader
    private let engines: [(features: FeatureSet, engine: QueryEngine)]

    /// An input may take this long, far more than any should.
    private static let patience = Duration.seconds(2)

    package init(seed: UInt64, corpus: ExpressionCorpus) throws {
        self.seed = seed
        self.corpus = corpus
        reader = try Self.store().reader()
        engines = [FeatureSet.all, .allLanguage, []].map { features in
            (features, QueryEngine(configuration: QueryEngine.Configuration(features: features)))
        }
    }

    /// Inputs of one seed are the same wherever they are run from.
    package mutating func run(_ inputs: Range<Int>) {
        for input in inputs {
            var random = SeededGenerator(seed: seed &+ UInt64(truncatingIfNeeded: input) &* 0x2545_F491_4F6C_DD1D)
            let begin = ContinuousClock.now
            switch Int.random(in: 0..<16, using: &random) {
            case 0: selector(&random)
            case 1: description(&random)
            default: expression(input, &random)
            }
            let spent = ContinuousClock.now - begin
            tally.inputs += 1
            tally.slowest = max(tally.slowest, spent)
            if spent > Self.patience { report(input, "", "took \(spent)") }
        }
    }

    private mutating func report(_ input: Int, _ text: String, _ problem: String) {
        findings.append(Finding(input: input, text: text, problem: problem))
    }

    private func mutation(of texts: [String], _ random: inout SeededGenerator) -> String {
        let text = texts.randomElement(using: &random) ?? ""
        let donor = texts.randomElement(using: &random) ?? ""
        return TextMutator.mutate(text, donor, &random)
    }

    private func selector(_ random: inout SeededGenerator) {
        guard let matchers = try? parseSelector(mutation(of: corpus.selectors, &random)) else { return }
        _ = reader.select(matchers)
    }

    private func description(_ random: inout SeededGenerator) {
        let text = mutation(of: corpus.descriptions, &random)
        // A repetition may ask for two million samples; those are for the limits' own tests.
        if text.utf8.lazy.filter({ $0 >= 0x30 && $0 <= 0x39 }).count > 60 { return }
        guard let description = try? SeriesDescription(parsing: text) else { return }
        for case .histogram(let histogram) in description.samples.prefix(5) { _ = histogram.seriesNotation }
    }

    private mutating func expression(_ input: Int, _ random: inout SeededGenerator) {
        let text = mutation(of: corpus.expressions, &random)
        let (features, engine) = engines[min(engines.count - 1, Int.random(in: 0..<8, using: &random) / 3)]
        let options = ParserOptions(features: features)
        let parsed: Expression
        do throws(ParseError) {
            parsed = try parse(text, options: options)
        } catch {
            _ = error.description
            return
        }
        tally.parsed += 1
        let printed = parsed.description
        if (try? parse(printed, options: options))?.description != printed {
            report(input, text, "prints as \(printed.debugDescription), which is something else")
        }
        if input % 4 == 0 { _ = parsed.prettified }
        var limits = QueryLimits()
        limits.samples = 200_000
        let deadline = ContinuousClock.now + .seconds(1)
        limits.shouldStop = { ContinuousClock.now >= deadline ? .timedOut : nil }
        let time = Timestamp(milliseconds: 1_000_000_000 + Int64.random(in: -100_000...1_500_000, using: &random))
        if input % 4 == 0 {
            let answer = try? engine.range(
                parsed,
                from: time,
                through: time + .seconds(600),
                step: .seconds(47),
                reader: reader,
                limits: limits
            )
            if answer != nil { tally.answered += 1 }
        } else if (try? engine.instant(parsed, at: time, reader: reader, limits: limits)) != nil {
            tally.answered += 1
        }
    }

    /// Series under the names that the corpus uses: counters, gauges, classic and native histograms, `target_info`.
    private static func store() throws -> TimeSeriesStore {
        let store = TimeSeriesStore()
        let appender = store.appender(source: "fuzz")
        let native = [
            "{{schema:1 count:9 sum:20 z_bucket:2 z_bucket_w:0.1 buckets:[1 2 3] n_buckets:[1]}}",
            "{{schema:-53 count:6 sum:30 custom_values:[5 10] buckets:[1 2 3]}}",
        ]
        let histograms = try native.map { try SeriesDescription.histogram(parsing: $0).histogram }
        for minute in 0..<20 {
            for name in ["http_requests", "metric", "foo", "a", "b", "c", "http_requests_total"] {
                for instance in ["0", "1"] {
                    let series = try appender.series(["__name__": name, "instance": instance, "job": "x", "le": "0.5"])
                    appender.append(series, Double(minute * (instance == "0" ? 3 : minute % 7)))
                }
            }
            for name in ["h", "testhistogram", "some_metric"] {
                for (job, histogram) in zip(["x", "y"], histograms) {
                    appender.append(try appender.series(["__name__": name, "job": job]), histogram)
                }
            }
            appender.append(try appender.series(["__name__": "target_info", "job": "x", "instance": "0", "d": "e"]), 1)
            _ = try appender.commit(at: Timestamp(milliseconds: Int64(minute) * 60_000 + 1_000_000_000))
        }
        return store
    }
}
