// SPDX-License-Identifier: Apache-2.0

import Exposition
import Harness
import SidecarMetrics
import Synchronization

/// Lists that change while they are being written: what is done there under locks is counted from outside, by the
/// functions' names.
enum SeriesOperations {
    /// A counter that, when its family is written, may add a series to it and take it out again.
    final class Probe: Instrument {
        static let kind = MetricKind.gauge
        let onWrite = Mutex<(@Sendable () -> Void)?>(nil)
        var activity: UInt64 { 0 }

        init(configuration: NoConfiguration) {}

        func write(_ labels: SeriesLabels, createdMilliseconds: Int64?, to writer: inout ExpositionWriter) {
            onWrite.withLock { $0 }?()
            writer.write(labels, value: 1)
        }

        func metric(_ labels: SeriesLabels, createdMilliseconds: Int64?) -> Metric {
            Metric(labels: labels, value: .number(1))
        }
    }

    static var all: [Operation] {
        [
            Operation("changing/series", 20, changingSeries()), Operation("changing/family", 20, changingFamilies()),
            Operation("changing/table", 20, growingTable()),
        ]
    }

    /// A family of text labels that gets 2,000 series: its look-up table grows from 16 slots to 4,096, in 510 steps.
    private static func growingTable() -> @Sendable (Int) -> Void {
        let labels = (0..<2_000).map { OpenLabels(method: "GET", outcome: "/api/v1/resource/\($0)") }
        return { count in
            for _ in 0..<count {
                let family = MetricsRegistry().counter("bench", help: "Grows.", labels: OpenLabels.self)
                for labels in labels { family.increment(labels) }
                Harness.consume(family.count)
            }
        }
    }

    /// A family of 2,000 series, as many as there may be by default, that gets one more and loses it again.
    private static func changingSeries() -> @Sendable (Int) -> Void {
        var configuration = MetricsRegistry.Configuration()
        configuration.seriesLimit = 5_000
        let registry = MetricsRegistry(configuration: configuration)
        let family = probes(registry)
        for number in 0..<2_000 { family.create(OpenLabels(method: "GET", outcome: "\(10_000 + number)")) }
        let middle = OpenLabels(method: "GET", outcome: "11000x")
        onWrite(family) {
            family.create(middle)
            family.remove(middle)
        }
        return rendering(registry)
    }

    /// A registry of 500 families that gets another one.
    private static func changingFamilies() -> @Sendable (Int) -> Void {
        let registry = MetricsRegistry()
        for number in 0..<500 { _ = registry.gauge("bench_\(1_000 + number)", help: "A gauge.") }
        let next = Atomic<Int>(0)
        onWrite(probes(registry)) {
            let number = next.wrappingAdd(1, ordering: .relaxed).newValue
            _ = registry.gauge("bench_1250_\(number)", help: "A gauge.")
        }
        return rendering(registry)
    }

    private static func probes(_ registry: MetricsRegistry) -> Family<OpenLabels, Probe> {
        registry.family("bench_probes", help: "Probes.", configuration: NoConfiguration())
    }

    private static func onWrite(_ family: Family<OpenLabels, Probe>, _ body: @escaping @Sendable () -> Void) {
        family[OpenLabels(method: "GET", outcome: "10000")].onWrite.withLock { $0 = body }
    }

    private static func rendering(_ registry: MetricsRegistry) -> @Sendable (Int) -> Void {
        { count in
            var writer = ExpositionWriter(format: .text, capacity: 1 << 20)
            for _ in 0..<count {
                writer.removeAll()
                registry.render(into: &writer)
                Harness.consume(writer.count)
            }
        }
    }
}
