// SPDX-License-Identifier: Apache-2.0

import Harness
import SidecarMetrics

enum Method: String, LabelValue, CaseIterable { case get = "GET", post = "POST", put = "PUT", delete = "DELETE" }
enum Outcome: String, LabelValue, CaseIterable { case success, failure, rejected, timeout }

/// Two enum labels: all series are known.
struct ClosedLabels: LabelSet, CaseIterable {
    static let labelNames = ["method", "outcome"]
    static var allCases: [ClosedLabels] {
        Method.allCases.flatMap { method in Outcome.allCases.map { ClosedLabels(method: method, outcome: $0) } }
    }
    var method: Method
    var outcome: Outcome
    func encode(to values: inout some LabelEncoder) {
        values.append(method)
        values.append(outcome)
    }
}

/// Two text labels, as client_golang has them.
struct OpenLabels: LabelSet {
    static let labelNames = ["method", "outcome"]
    var method: String
    var outcome: String
    func encode(to values: inout some LabelEncoder) {
        values.append(method)
        values.append(outcome)
    }
}

/// Recording, with handles and by label.
enum InstrumentOperations {
    static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    static var all: [Operation] {
        let registry = MetricsRegistry()
        let counter = registry.counter("bench_counter", help: "Counter.")
        let histogram = registry.histogram("bench_histogram", help: "Histogram.", .buckets(bounds))
        let native = registry.histogram("bench_native", help: "Native.", .native())
        let increment: @Sendable (Int) -> Void = { for _ in 0..<$0 { counter.increment() } }
        let observe: @Sendable (Int) -> Void = { for index in 0..<$0 { histogram.observe(value(index)) } }
        let observeNative: @Sendable (Int) -> Void = { for index in 0..<$0 { native.observe(value(index)) } }
        return [
            Operation("counter", 10_000_000, increment),
            Operation("counter/2threads", 10_000_000, threads: 2, increment),
            Operation("histogram", 2_000_000, observe),
            Operation("histogram/2threads", 2_000_000, threads: 2, observe),
            Operation("native", 1_000_000, observeNative),
        ] + labelled(registry)
    }

    private static func labelled(_ registry: MetricsRegistry) -> [Operation] {
        let closed = registry.counter("bench_closed", help: "Enum labels.", labels: ClosedLabels.self)
        let open = registry.counter("bench_open", help: "Text labels.", labels: OpenLabels.self)
        let (methods, outcomes) = (Method.allCases, Outcome.allCases)
        let (methodTexts, outcomeTexts) = (methods.map(\.rawValue), outcomes.map(\.rawValue))
        let byEnum: @Sendable (Int) -> Void = {
            for index in 0..<$0 {
                closed.increment(ClosedLabels(method: methods[index & 3], outcome: outcomes[(index >> 2) & 3]))
            }
        }
        let byText: @Sendable (Int) -> Void = {
            for index in 0..<$0 {
                open.increment(OpenLabels(method: methodTexts[index & 3], outcome: outcomeTexts[(index >> 2) & 3]))
            }
        }
        return [
            Operation("labels/enum", 2_000_000, byEnum), Operation("labels/text", 2_000_000, byText),
            Operation("labels/enum/2threads", 2_000_000, threads: 2, byEnum),
            Operation("labels/text/2threads", 2_000_000, threads: 2, byText),
        ]
    }

    private static func value(_ index: Int) -> Double { Double(index & 1_023) * 0.01 }
}
