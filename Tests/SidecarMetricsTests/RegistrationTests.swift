// SPDX-License-Identifier: Apache-2.0

import Exposition
import SidecarMetrics
import Testing

@Suite struct RegistrationTests {
    private struct OtherLabels: LabelSet {
        static let labelNames = ["other"]
        var other: String
        func encode(to values: inout some LabelEncoder) { values.append(other) }
    }

    /// The labels of `BookingLabels` in another order.
    private struct TurnedLabels: LabelSet {
        static let labelNames = ["room", "outcome"]
        var room: String
        func encode(to values: inout some LabelEncoder) {
            values.append(room)
            values.append("success")
        }
    }

    @Test func `the same registration gives the same instrument`() {
        let test = TestRegistry()
        #expect(test.registry.counter("a", help: "A.") === test.registry.counter("a_total", help: "A."))
        #expect(test.registry.histogram("h", help: "H.") === test.registry.histogram("h", help: "H."))
        #expect(!test.text(.text).contains("metrics_registration_conflicts_total{"))
    }

    @Test func `label order does not matter`() {
        let test = TestRegistry()
        let first = test.registry.counter("bookings", help: "B.", labels: BookingLabels.self)
        let second = test.registry.counter("bookings", help: "B.", labels: TurnedLabels.self)
        first.increment(BookingLabels(outcome: .success, room: "blue"))
        second.increment(TurnedLabels(room: "blue"))
        #expect(test.lines == [#"bookings_total{outcome="success",room="blue"} 2"#])
    }

    @Test func `a conflicting registration works detached, is counted, and is logged once`() {
        let test = TestRegistry()
        let counter = test.registry.counter("a", help: "A.")
        counter.increment()
        for _ in 0..<3 {
            let detached = test.registry.counter("a", help: "A.", labels: OtherLabels.self)
            detached.increment(OtherLabels(other: "x"))
            #expect(detached[OtherLabels(other: "x")].value == 1)
        }
        #expect(test.lines == ["a_total 1"])
        let conflicts = #"metrics_registration_conflicts_total{family="a_total",reason="conflict"}"#
        #expect(test.line(conflicts) == "3")
        #expect(test.log.lines.filter { $0.contains("registered twice") }.count == 1)
    }

    @Test func `kind, buckets and sample names conflict`() {
        let test = TestRegistry()
        _ = test.registry.histogram("h_seconds", help: "H.", .buckets([1]))
        _ = test.registry.gauge("g", help: "G.")
        let conflicting: [() -> String] = [
            {
                _ = test.registry.gauge("h_seconds", help: "H.")
                return "h_seconds"
            },
            {
                _ = test.registry.histogram("h_seconds", help: "H.", .buckets([2]))
                return "h_seconds"
            },
            {
                _ = test.registry.gauge("h_seconds_count", help: "H.")
                return "h_seconds_count"
            },
            {
                _ = test.registry.counter("g", help: "G.")
                return "g_total"
            },
            {
                test.registry.info("g", help: "G.", labels: [])
                return "g_info"
            },
        ]
        for register in conflicting {
            let family = register()
            let series = #"metrics_registration_conflicts_total{family="\#(family)",reason="conflict"}"#
            #expect(test.line(series) != nil, "\(family)")
        }
        #expect(test.lines.count == 5)
    }

    @Test func `another help text keeps the first instrument`() {
        let test = TestRegistry()
        #expect(test.registry.counter("a", help: "A.") === test.registry.counter("a", help: "Changed."))
        #expect(test.text(.text).contains("# HELP a_total A.\n"))
        #expect(
            test.text(.text).contains(#"metrics_registration_conflicts_total{family="a_total",reason="conflict"} 1"#)
        )
    }

    @Test(arguments: ["", "1a", "a-b", "a b", "ä", "a\nb", String(repeating: "x", count: 201)])
    func `a bad name works detached`(name: String) {
        let test = TestRegistry()
        let gauge = test.registry.gauge(name, help: "Bad.")
        gauge.set(3)
        #expect(gauge.value == 3)
        #expect(test.lines.isEmpty)
        #expect(test.text(.text).contains(#"reason="invalid"} 1"#))
        #expect(test.log.lines.count == 1)
    }

    @Test(arguments: [[], [2, 1], [1, 1], [.nan], [1, .infinity], (0..<501).map(Double.init)] as [[Double]])
    func `a bad bucket list works detached`(bounds: [Double]) {
        let test = TestRegistry()
        let histogram = test.registry.histogram("h", help: "Bad.", .buckets(bounds))
        histogram.observe(1)
        #expect(histogram.totals.count == 1)
        #expect(test.lines.isEmpty)
    }

    @Test func `reserved and doubled label names are refused`() {
        struct Le: LabelSet {
            static let labelNames = ["le"]
            func encode(to values: inout some LabelEncoder) { values.append("x") }
        }
        struct Doubled: LabelSet {
            static let labelNames = ["a", "a"]
            func encode(to values: inout some LabelEncoder) { values.append("x") }
        }
        struct Reserved: LabelSet {
            static let labelNames = ["__a"]
            func encode(to values: inout some LabelEncoder) {}
        }
        let test = TestRegistry()
        test.registry.histogram("a", help: "A.", labels: Le.self).observe(1, Le())
        test.registry.counter("b", help: "B.", labels: Doubled.self).increment(Doubled())
        test.registry.counter("c", help: "C.", labels: Reserved.self).increment(Reserved())
        #expect(test.lines.isEmpty)
    }

    @Test func `a UTF-8 name is taken where it is allowed and escaped for old readers`() {
        let test = TestRegistry { $0.allowsUTF8Names = true }
        test.registry.gauge("http.open", help: "Open.").set(1)
        #expect(test.lines == ["http_open 1"])
        #expect(test.text(.utf8Text).contains("{\"http.open\"} 1\n"))
    }
}
