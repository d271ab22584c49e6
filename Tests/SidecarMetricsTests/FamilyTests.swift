// SPDX-License-Identifier: Apache-2.0

import Exposition
import SidecarMetrics
import Testing

@Suite struct FamilyTests {
    @Test func `enum label sets are there before anything happened`() {
        let test = TestRegistry()
        let bookings = test.registry.counter("bookings", help: "Bookings.", labels: Outcome.self)
        #expect(test.lines == [#"bookings_total{outcome="failure"} 0"#, #"bookings_total{outcome="success"} 0"#])
        bookings.increment(.success)
        bookings[.success].increment(by: 2)
        #expect(test.line(#"bookings_total{outcome="success"}"#) == "3")
    }

    @Test func `dynamic labels find their series again`() {
        let test = TestRegistry()
        let bookings = test.registry.counter("bookings", help: "Bookings.", labels: BookingLabels.self)
        for round in 0..<3 {
            for room in 0..<200 {
                bookings.increment(BookingLabels(outcome: .success, room: "room number \(room)"), by: round + 1)
            }
        }
        #expect(bookings.count == 200)
        #expect(test.lines.count == 200)
        #expect(test.lines.allSatisfy { $0.hasSuffix(" 6") })
        let handle = bookings[BookingLabels(outcome: .success, room: "room number 7")]
        #expect(handle === bookings[BookingLabels(outcome: .success, room: "room number 7")])
    }

    @Test func `label values are escaped so that no value can forge a metric`() {
        let test = TestRegistry()
        let bookings = test.registry.counter("bookings", help: "Bookings.", labels: BookingLabels.self)
        bookings.increment(BookingLabels(outcome: .failure, room: "x\"} 1\nfake_metric 1\n#\\"))
        #expect(test.lines == [#"bookings_total{outcome="failure",room="x\"} 1\nfake_metric 1\n#\\"} 1"#])
    }

    @Test func `series beyond the cap share one and are counted`() {
        let test = TestRegistry { $0.seriesLimit = 10 }
        let bookings = test.registry.counter("bookings", help: "Bookings.", labels: BookingLabels.self)
        for room in 0..<25 { bookings.increment(BookingLabels(outcome: .success, room: "\(room)")) }
        bookings.increment(BookingLabels(outcome: .success, room: "3"))
        #expect(bookings.count == 11)
        #expect(test.line(#"bookings_total{otel_metric_overflow="true"}"#) == "15")
        #expect(test.line(#"bookings_total{outcome="success",room="3"}"#) == "2")
        #expect(test.line(#"metrics_dropped_series_total{family="bookings_total"}"#) == "15")
        #expect(test.log.lines.filter { $0.contains("too many series") }.count == 1)
    }

    @Test func `an idle series leaves and comes back with its handle`() {
        let test = TestRegistry { $0.idleTimeout = .seconds(60) }
        let bookings = test.registry.counter("bookings", help: "Bookings.", labels: BookingLabels.self)
        let outcomes = test.registry.counter("outcomes", help: "Outcomes.", labels: Outcome.self)
        let labels = BookingLabels(outcome: .success, room: "blue")
        let held = bookings[labels]
        held.increment()
        bookings.increment(BookingLabels(outcome: .success, room: "red"))
        #expect(test.lines.count == 4)
        test.time.advance(59)
        bookings.increment(BookingLabels(outcome: .success, room: "red"))
        #expect(test.lines.count == 4)
        test.time.advance(1)
        #expect(test.line(#"bookings_total{outcome="success",room="blue"}"#) == nil)
        #expect(test.line(#"bookings_total{outcome="success",room="red"}"#) == "2")
        #expect(test.line(#"outcomes_total{outcome="success"}"#) == "0", "known series are never idle")
        held.increment()
        #expect(test.line(#"bookings_total{outcome="success",room="blue"}"#) == "2")
        #expect(bookings[labels] === held)
        #expect(outcomes.count == 2)
    }

    @Test func `a removed series without a handle starts again at zero`() {
        let test = TestRegistry()
        let bookings = test.registry.counter("bookings", help: "Bookings.", labels: BookingLabels.self)
        let labels = BookingLabels(outcome: .success, room: "blue")
        bookings.increment(labels, by: 5)
        #expect(bookings.remove(labels))
        #expect(!bookings.remove(labels))
        #expect(test.lines.isEmpty)
        bookings.increment(labels)
        #expect(test.lines == [#"bookings_total{outcome="success",room="blue"} 1"#])
    }

    @Test func `output is sorted whatever the order of creation`() {
        let test = TestRegistry()
        let b = test.registry.counter("b", help: "B.", labels: BookingLabels.self)
        _ = test.registry.gauge("a", help: "A.")
        for room in ["z", "a", "m"] { b.increment(BookingLabels(outcome: .success, room: room)) }
        #expect(
            test.lines == [
                "a 0", #"b_total{outcome="success",room="a"} 1"#, #"b_total{outcome="success",room="m"} 1"#,
                #"b_total{outcome="success",room="z"} 1"#,
            ]
        )
    }

    @Test func `names filter the output by family or sample`() {
        let test = TestRegistry()
        _ = test.registry.histogram("wait_seconds", help: "Wait.", .buckets([1]))
        _ = test.registry.gauge("other", help: "Other.")
        let text = test.text(.text, names: ["wait_seconds_count"])
        #expect(text.contains("wait_seconds_count 0"))
        #expect(!text.contains("other"))
        #expect(test.registry.gather(filter: MetricNameFilter(names: ["other"])).map(\.name) == ["other"])
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func `series come and go in any order, and the others are found`(
        seed: UInt64
    ) {
        let test = TestRegistry()
        let family = test.registry.counter("a", help: "A.", labels: BookingLabels.self)
        var generator = SeededGenerator(seed: seed)
        var held: [Int: Counter] = [:]
        for _ in 0..<3_000 {
            let room = Int.random(in: 0..<400, using: &generator)
            let labels = BookingLabels(outcome: .success, room: "\(room)")
            if held[room] != nil, Bool.random(using: &generator) {
                #expect(family.remove(labels))
                held[room] = nil
            } else {
                let found = family[labels]
                if let known = held[room] { #expect(found === known) }
                held[room] = found
            }
        }
        #expect(family.count == held.count)
        #expect(!family.remove(BookingLabels(outcome: .success, room: "none")))
        let lines = test.lines.filter { $0.hasPrefix("a_total{") }
        let names = held.keys.map { "\($0)" }.sorted()
        #expect(lines == names.map { #"a_total{outcome="success",room="\#($0)"} 0"# })
    }
}
