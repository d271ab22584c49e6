// SPDX-License-Identifier: Apache-2.0

import Exposition
import Harness
import SidecarMetrics
import Synchronization

/// Rendering a small and a large family, with and without a series that comes and goes while it is being written.
///
/// The series' price that grows with the family is what is done under the lock that rendering takes too.
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
        [20, 2_000].flatMap { size in
            [
                Operation("family/\(size)", 40_000 / size, render(size, changes: false)),
                Operation("family/\(size)/changing", 40_000 / size, render(size, changes: true)),
            ]
        }
    }

    private static func render(_ size: Int, changes: Bool) -> @Sendable (Int) -> Void {
        var configuration = MetricsRegistry.Configuration()
        configuration.seriesLimit = 5_000
        let registry = MetricsRegistry(configuration: configuration)
        let family: Family<OpenLabels, Probe> = registry.family(
            "bench_probes",
            help: "Probes.",
            configuration: NoConfiguration()
        )
        for number in 0..<size { family.create(OpenLabels(method: "GET", outcome: "\(10_000 + number)")) }
        let middle = OpenLabels(method: "GET", outcome: "\(10_000 + size / 2)x")
        if changes {
            family[OpenLabels(method: "GET", outcome: "10000")].onWrite.withLock { onWrite in
                onWrite = {
                    family.create(middle)
                    family.remove(middle)
                }
            }
        }
        return { count in
            var writer = ExpositionWriter(format: .text, capacity: 1 << 20)
            for _ in 0..<count {
                writer.removeAll()
                registry.render(into: &writer)
                Harness.consume(writer.count)
            }
        }
    }
}
