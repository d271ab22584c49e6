// SPDX-License-Identifier: Apache-2.0

import Exposition
import SidecarMetrics
import Testing

@Suite struct InstrumentTests {
    @Test func `counter adds whole and fractional amounts and ignores what a counter cannot take`() {
        let test = TestRegistry()
        let counter = test.registry.counter("mails_sent", help: "Mails.")
        counter.increment()
        counter.increment(by: 41)
        #expect(test.line("mails_sent_total") == "42")
        counter.increment(by: 0.5)
        counter.increment(by: -1)
        counter.increment(by: -1.5)
        counter.increment(by: Double.nan)
        counter.increment(by: Double.infinity)
        #expect(test.line("mails_sent_total") == "42.5")
        #expect(counter.value == 42.5)
    }

    @Test func `gauge goes up and down`() {
        let test = TestRegistry()
        let gauge = test.registry.gauge("queue_jobs", help: "Jobs.")
        gauge.set(5)
        gauge.increment()
        gauge.decrement(by: 2.5)
        #expect(test.line("queue_jobs") == "3.5")
    }

    @Test func `what comes and goes is counted over all threads`() {
        let test = TestRegistry()
        let open = test.registry.upDownCounter("streams_open", help: "Streams.")
        let byKind = test.registry.upDownCounter("tasks_open", help: "Tasks.", labels: BookingLabels.self)
        let labels = BookingLabels(outcome: .success, room: "1")
        // More threads than have memory of their own; what one adds another may take away.
        ConcurrencyTests.onThreads(70) { number in
            for _ in 0..<1_000 { number % 2 == 0 ? open.increment(by: 3) : open.decrement(by: 2) }
            byKind.increment(labels)
        }
        byKind.increment(labels, by: -80)
        #expect(open.value == 35_000)
        #expect(test.line("streams_open") == "35000")
        #expect(test.lines.filter { $0.hasPrefix("tasks_open{") }.allSatisfy { $0.hasSuffix(" -10") })
    }

    @Test func `histogram counts in the bucket whose bound is not below the value`() {
        let test = TestRegistry()
        let histogram = test.registry.histogram("wait", help: "Wait.", unit: .seconds, .buckets([0.1, 1, 10]))
        for value in [0.05, 0.1, 0.100001, 1, 10, 11, .infinity] { histogram.observe(value) }
        histogram.observe(.nan)
        #expect(
            test.lines == [
                #"wait_seconds_bucket{le="0.1"} 2"#, #"wait_seconds_bucket{le="1"} 4"#,
                #"wait_seconds_bucket{le="10"} 5"#, #"wait_seconds_bucket{le="+Inf"} 7"#, "wait_seconds_sum +Inf",
                "wait_seconds_count 7",
            ]
        )
        #expect(histogram.totals.count == 7)
    }

    @Test(arguments: 0...20) func `bucket search agrees with the definition`(count: Int) {
        var generator = SeededGenerator(seed: UInt64(count) + 1)
        let bounds = (0..<count).map { Double($0) * 1.5 + 1 }
        let histogram = Histogram(configuration: .buckets(bounds))
        var expected = [Int](repeating: 0, count: count + 1)
        for _ in 0..<500 {
            let isEdge = Bool.random(using: &generator)
            let value = isEdge ? bounds.randomElement(using: &generator) ?? 0 : .random(in: -1...40, using: &generator)
            histogram.observe(value)
            expected[bounds.firstIndex { value <= $0 } ?? count] += 1
        }
        guard case .histogram(let result) = histogram.metric(.none, createdMilliseconds: nil).value else {
            Issue.record("no histogram")
            return
        }
        var total = 0
        let cumulative = expected.map { count -> Double in
            total += count
            return Double(total)
        }
        #expect(result.buckets.map(\.cumulativeCount) == cumulative)
    }

    @Test func `time records also when the function throws`() async {
        struct Failure: Error {}
        let histogram = Histogram()
        #expect(throws: Failure.self) { try histogram.time { () throws(Failure) in throw Failure() } }
        await #expect(throws: Failure.self) {
            try await histogram.time { () async throws(Failure) in throw Failure() }
        }
        #expect(histogram.totals.count == 2)
    }

    @Test func `state set has one series that is one`() {
        enum Mode: String, LabelValue, CaseIterable { case starting, serving, draining }
        let test = TestRegistry()
        let mode = test.registry.stateSet("service_mode", help: "Mode.", initial: Mode.starting)
        mode.set(.draining)
        #expect(
            test.lines == [
                #"service_mode{service_mode="starting"} 0"#, #"service_mode{service_mode="serving"} 0"#,
                #"service_mode{service_mode="draining"} 1"#,
            ]
        )
        #expect(test.text(.openMetrics).contains("# TYPE service_mode stateset\n"))
    }

    @Test func `info is a one with labels`() {
        let test = TestRegistry()
        test.registry.info("build", help: "Build.", labels: [("version", "1.2"), ("branch", ""), ("revision", "ab")])
        #expect(test.lines == [#"build_info{revision="ab",version="1.2"} 1"#])
        #expect(test.text(.openMetrics).contains("# TYPE build info\n"))
    }

    @Test func `help unit and created times reach the output`() {
        let test = TestRegistry { $0.writesCreated = true }
        let counter = test.registry.counter("bytes_sent", help: "Bytes\nsent \\.", unit: .bytes)
        counter.increment()
        let text = test.text(.openMetrics)
        #expect(text.contains("# HELP bytes_sent_bytes Bytes\\nsent \\\\.\n"))
        #expect(text.contains("# UNIT bytes_sent_bytes bytes\n"))
        #expect(text.contains("bytes_sent_bytes_total 1\nbytes_sent_bytes_created 1700000000\n"))
        #expect(text.hasSuffix("# EOF\n"))
    }

    @Test func `exemplars are kept per bucket`() {
        let test = TestRegistry()
        let histogram = test.registry.histogram("wait_seconds", help: "Wait.", .buckets([1, 2]))
        histogram.observe(1.5, exemplar: ["trace_id": "abc"])
        #expect(test.text(.openMetrics).contains(#"wait_seconds_bucket{le="2.0"} 1 # {trace_id="abc"} 1.5 "#))
    }
}
