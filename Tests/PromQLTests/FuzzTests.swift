// SPDX-License-Identifier: Apache-2.0

import Foundation
import PromQL
import TestSupport
import Testing
import TimeSeries

/// Mutations of real expressions: nothing may crash, run away or come out different when printed.
@Suite(.enabled(if: ConformanceData.isPresent, "conformance data is not beside the repository"))
struct FuzzTests {
    static let seed =
        ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 0 ... .max)
    static let rounds = ProcessInfo.processInfo.environment["FUZZ_ROUNDS"].flatMap(Int.init) ?? 20_000

    static let fragments = [
        "sum", "by", "(", ")", "{", "}", "[5m]", "[", "]", ":", "offset", "-", "@", "start()", "1e300", "NaN", "Inf",
        "rate(", "\"", "\\", "=~", "!", "_", "x", "histogram_quantile(", ",", "on(", "group_left", "fill(0)", "bool",
        "smoothed", "anchored", "[1h:1m]", "^", "%", "/", ">/", "</", "\u{0}", "é", "0x", "9223372036854775807", "300y",
        "topk(", "limit_ratio(", "label_replace(", "info(", "step()", "unless", "#", "\n", "1ms",
    ]

    static func mutated(_ text: String, _ other: String, _ generator: inout SeededGenerator) -> String {
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let at = bytes.isEmpty ? 0 : Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0:
                bytes.insert(
                    contentsOf: fragments.randomElement(using: &generator).map { Array($0.utf8) } ?? [],
                    at: at
                )
            case 1: if !bytes.isEmpty { bytes.remove(at: at) }
            case 2: if !bytes.isEmpty { bytes[at] = UInt8.random(in: 0...255, using: &generator) }
            case 3: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 0...10, using: &generator)))
            case 4:
                let donor = Array(other.utf8)
                let start = donor.isEmpty ? 0 : Int.random(in: 0..<donor.count, using: &generator)
                bytes.insert(contentsOf: donor[start..<min(donor.count, start + 20)], at: at)
            default: bytes = Array(bytes[at...] + bytes[..<at])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func store() throws -> TimeSeriesStore {
        let store = TimeSeriesStore()
        let appender = store.appender(source: "fuzz")
        let histogram = try SeriesDescription.histogram(
            parsing: "{{schema:1 count:9 sum:20 z_bucket:2 z_bucket_w:0.1 buckets:[1 2 3] n_buckets:[1]}}"
        ).histogram
        let custom = try SeriesDescription.histogram(
            parsing: "{{schema:-53 count:6 sum:30 custom_values:[5 10] buckets:[1 2 3]}}"
        ).histogram
        for minute in 0..<20 {
            for name in ["http_requests", "metric", "foo", "a", "b"] {
                for instance in ["0", "1"] {
                    let series = try appender.series(["__name__": name, "instance": instance, "job": "x", "le": "0.5"])
                    appender.append(series, Double(minute * (instance == "0" ? 3 : minute % 7)))
                }
            }
            appender.append(try appender.series(["__name__": "h", "job": "x"]), histogram)
            appender.append(try appender.series(["__name__": "h", "job": "y"]), custom)
            appender.append(try appender.series(["__name__": "target_info", "job": "x", "instance": "0", "d": "e"]), 1)
            _ = try appender.commit(at: Timestamp(milliseconds: Int64(minute) * 60_000 + 1_000_000_000))
        }
        return store
    }

    @Test(.timeLimit(.minutes(2))) func `no input crashes parser, printer or evaluator`() throws {
        print("fuzz seed \(Self.seed), \(Self.rounds) rounds; FUZZ_SEED and FUZZ_ROUNDS set them")
        var generator = SeededGenerator(seed: Self.seed)
        let corpus = try ConformanceData.expressions()
        let reader = try Self.store().reader()
        let engine = QueryEngine(configuration: QueryEngine.Configuration(features: .all))
        var limits = QueryLimits()
        limits.samples = 200_000
        let options = ParserOptions(features: .all)
        let names = ["http_requests", "metric", "foo", "a", "b", "h", "{__name__=~\".+\"}"]
        var parsed = 0
        for round in 0..<Self.rounds {
            guard let first = corpus.randomElement(using: &generator),
                let second = corpus.randomElement(using: &generator)
            else { return }
            var text = Self.mutated(first, second, &generator)
            if round % 3 == 0, let name = names.randomElement(using: &generator) {
                text = text.replacingOccurrences(of: "testhistogram", with: name)
            }
            guard let expression = try? parse(text, options: options) else { continue }
            parsed += 1
            let printed = expression.description
            let again = try? parse(printed, options: options)
            #expect(again?.description == printed, "seed \(Self.seed) round \(round): \(text)")
            _ = expression.prettified
            let time = Timestamp(
                milliseconds: 1_000_000_000 + Int64.random(in: -100_000...1_500_000, using: &generator)
            )
            _ = try? engine.instant(expression, at: time, reader: reader, limits: limits)
            if round % 4 == 0 {
                _ = try? engine.range(
                    expression,
                    from: time,
                    through: time + .seconds(600),
                    step: .seconds(47),
                    reader: reader,
                    limits: limits
                )
            }
        }
        #expect(parsed > Self.rounds / 50)
    }

    @Test func `series descriptions survive mutation`() throws {
        var generator = SeededGenerator(seed: Self.seed)
        let corpus = [
            "metric{a=\"b\"} 1 2+3x4 _ _x3 stale -1-2x3 NaN Inf",
            "{\"m.n\"} {{schema:1 count:3 sum:4 buckets:[1 2]}}x3",
            "h {{schema:0 count:1}}+{{count:1 sum:2 buckets:[1]}}x5 {{}}",
            "c {{schema:-53 custom_values:[1 2] buckets:[1 2 3] counter_reset_hint:gauge}}-{{schema:-53}}x2",
        ]
        for _ in 0..<Self.rounds {
            guard let first = corpus.randomElement(using: &generator),
                let second = corpus.randomElement(using: &generator)
            else { return }
            let text = Self.mutated(first, second, &generator)
            if text.utf8.filter({ $0 >= 48 && $0 <= 57 }).count > 60 { continue }
            if let description = try? SeriesDescription(parsing: text) {
                for case .histogram(let histogram) in description.samples.prefix(5) { _ = histogram.seriesNotation }
            }
        }
    }
}
