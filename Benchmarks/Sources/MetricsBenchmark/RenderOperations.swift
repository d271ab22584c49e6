// SPDX-License-Identifier: Apache-2.0

import Exposition
import Harness
import SidecarMetrics

/// Writing a page of 7,500 lines: 500 histograms of 14 lines and 500 counters.
enum RenderOperations {
    private static let lines = 7_500.0

    static var all: [Operation] {
        let registry = MetricsRegistry()
        let durations = registry.histogram(
            "http_server_request_duration_seconds",
            help: "Duration.",
            labels: OpenLabels.self,
            .buckets(InstrumentOperations.bounds)
        )
        let totals = registry.counter("http_requests_total", help: "Requests.", labels: OpenLabels.self)
        for route in 0..<500 {
            let labels = OpenLabels(method: "GET", outcome: "/api/v1/resource/\(route)")
            for step in 0..<50 { durations.observe(Double(step) * 0.013 * Double(route % 7 + 1), labels) }
            totals.increment(labels, by: route * 31)
        }
        return [
            Operation("render/line", 20, scale: lines) { count in
                var writer = ExpositionWriter(format: .text, capacity: 1 << 20)
                for _ in 0..<count {
                    writer.removeAll()
                    registry.render(into: &writer)
                    writer.finish()
                    Harness.consume(writer.count)
                }
            }
        ]
    }
}
