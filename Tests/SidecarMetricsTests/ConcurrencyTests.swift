// SPDX-License-Identifier: Apache-2.0

import Exposition
import Foundation
import SidecarMetrics
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConcurrencyTests {
    /// Real threads: more than the cooperative pool has, and they end, so that their slabs change owners.
    static func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let threads = (0..<count).map { number -> (Thread, DispatchSemaphore) in
            let done = DispatchSemaphore(value: 0)
            let thread = Thread {
                body(number)
                done.signal()
            }
            thread.start()
            return (thread, done)
        }
        for (_, done) in threads { done.wait() }
    }

    @Test func `no increment is lost, with more threads than slabs`() {
        let test = TestRegistry()
        let counter = test.registry.counter("a", help: "A.")
        let histogram = test.registry.histogram("h", help: "H.", .buckets([1, 2]))
        let bookings = test.registry.counter("bookings", help: "B.", labels: BookingLabels.self)
        Self.onThreads(90) { number in
            for step in 0..<2_000 {
                counter.increment()
                if step % 4 == 0 { counter.increment(by: 0.5) }
                histogram.observe(Double(step % 3) + 0.5)
                bookings.increment(BookingLabels(outcome: .success, room: "\((number + step) % 50)"))
            }
        }
        let expected: Double = 202_500
        #expect(counter.value == expected)
        #expect(histogram.totals.count == 180_000)
        let sum = test.lines.filter { $0.hasPrefix("bookings_total") }
            .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.reduce(0, +)
        #expect(sum == 180_000)
    }

    @Test(arguments: [false, true]) func `count, sum and buckets of one reading belong together`(native: Bool) {
        let configuration = HistogramConfiguration.buckets([1, 10])
        let histogram = Histogram(configuration: native ? configuration.withNative() : configuration)
        let isDone = Atomic<Bool>(false)
        let readings = Mutex<[MetricHistogram]>([])
        let reader = Thread {
            for _ in 0..<500 {
                guard case .histogram(let value) = histogram.metric(.none, createdMilliseconds: nil).value else {
                    continue
                }
                readings.withLock { $0.append(value) }
            }
            isDone.store(true, ordering: .relaxed)
        }
        reader.start()
        // Every observation is 2, so the sum tells the count. They go on for as long as somebody reads.
        Self.onThreads(4) { _ in while !isDone.load(ordering: .relaxed) { histogram.observe(2) } }
        let all = readings.withLock { $0 }
        #expect(all.count == 500)
        for reading in all {
            #expect(reading.sum == 2 * reading.count)
            #expect(reading.buckets.map(\.cumulativeCount) == [0, reading.count, reading.count])
            if let native = reading.native { #expect(native.count == reading.count) }
        }
    }

    @Test func `while a family grows and shrinks, its other series are found`() {
        let test = TestRegistry {
            $0.seriesLimit = 100_000
            $0.idleTimeout = .seconds(1)
        }
        let family = test.registry.counter("a", help: "A.", labels: BookingLabels.self)
        @Sendable func labels(_ room: String) -> BookingLabels { BookingLabels(outcome: .success, room: room) }
        let held = (0..<50).map { family[labels("held \($0)")] }
        let others = Mutex(0)
        Self.onThreads(4) { thread in
            var mistaken = 0
            for step in 0..<2_000 {
                let own = labels("\(thread) \(step)")
                let counter = family[own]
                if family[own] !== counter { mistaken += 1 }
                if step % 4 == 1, !family.remove(own) { mistaken += 1 }
                let known = (step * 7 + thread) % held.count
                if family[labels("held \(known)")] !== held[known] { mistaken += 1 }
                family.increment(labels("held \(known)"))
                // The clock stands still, so nothing leaves; the search for what is idle runs all the same.
                if step % 200 == 0 { _ = test.registry.render(.text) }
            }
            others.withLock { $0 += mistaken }
        }
        #expect(others.withLock { $0 } == 0)
        #expect(held.reduce(0) { $0 + $1.value } == 8_000)
        #expect(family.count == 50 + 4 * 1_500)
        // What has changed since it was last looked at leaves when it is looked at again.
        for _ in 0..<2 {
            test.time.advance(2)
            _ = test.lines
        }
        #expect(family.count == 0)
        for number in held.indices { #expect(family[labels("held \(number)")] === held[number]) }
    }

    @Test func `thirty-two threads of random registrations and renderings crash nothing`() throws {
        let seed = UInt64.random(in: 0...1_000_000)
        let test = TestRegistry {
            $0.seriesLimit = 20
            $0.idleTimeout = .seconds(1)
        }
        let registry = test.registry
        let names = ["a", "b", "a_total", "c_seconds", "c", "", "ä", "x y", "a_count", "9", "d\n", "le"]
        Self.onThreads(32) { number in
            var generator = SeededGenerator(seed: seed &+ UInt64(number))
            for _ in 0..<200 {
                let name = names.randomElement(using: &generator) ?? ""
                let help = Bool.random(using: &generator) ? "Help." : "\u{0}\\\n\""
                let room = String(repeating: "\"\n\\", count: .random(in: 0...9, using: &generator))
                let labels = BookingLabels(outcome: .success, room: room)
                switch Int.random(in: 0...8, using: &generator) {
                case 0: registry.counter(name, help: help).increment()
                case 1: registry.gauge(name, help: help).increment()
                case 2:
                    let bounds = (0..<Int.random(in: 0...5, using: &generator)).map { _ -> Double in
                        ([1, -1, .nan, .infinity, 0, 5] as [Double]).randomElement(using: &generator) ?? 0
                    }
                    registry.histogram(name, help: help, .buckets(bounds)).observe(bounds.first ?? 0)
                case 3:
                    let family = registry.counter(name, help: help, labels: BookingLabels.self)
                    family.increment(labels)
                    if Bool.random(using: &generator) { family.remove(labels) }
                case 4: registry.histogram(name, help: help, labels: Outcome.self, .native()).observe(3, .success)
                case 5: registry.info(name, help: help, labels: [(name, help)])
                case 6: _ = registry.stateSet(name, help: help, initial: Outcome.success, labels: [(name, help)])
                case 7: registry.gauge(name, help: help) { 1 }
                default:
                    test.time.advance(1)
                    for format in [ExpositionFormat.text, .openMetrics, .protobuf] { _ = registry.render(format) }
                }
            }
        }
        // What is left is still readable.
        let text = test.text(.openMetrics)
        #expect(text.hasSuffix("# EOF\n"), "seed \(seed)")
        #expect(text.contains("metrics_registration_conflicts_total{"), "seed \(seed)")
    }
}
