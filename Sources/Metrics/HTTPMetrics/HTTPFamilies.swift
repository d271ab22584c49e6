// SPDX-License-Identifier: Apache-2.0

import Exposition
import SidecarMetrics

/// The metric families that the middleware fills.
struct HTTPFamilies: Sendable {
    var duration: Family<RequestLabels, Histogram>?
    var active: Family<ActiveLabels, UpDownCounter>?
    var requestSize: Family<RequestLabels, Histogram>?
    var responseSize: Family<RequestLabels, Histogram>?
    var classicTotal: Family<ClassicLabels, Counter>?
    var classicDuration: Family<ClassicLabels, Histogram>?
    var classicInFlight: UpDownCounter?

    init(_ registry: MetricsRegistry, _ configuration: HTTPMetricsConfiguration) {
        if let log = configuration.accessLog {
            registry.observable(
                "http_access_log_dropped_lines",
                help: "Lines of the access log for which there was no room or no reader.",
                kind: .counter
            ) { [(.none, Double(log.dropped))] }
        }
        if configuration.naming.contains(.openTelemetry) {
            duration = registry.histogram(
                "http_server_request_duration_seconds",
                help: "Duration of HTTP requests until the last byte of the response was written.",
                unit: .seconds,
                labels: RequestLabels.self,
                configuration.durationBuckets
            )
            active = registry.upDownCounter(
                "http_server_active_requests",
                help: "HTTP requests being served.",
                labels: ActiveLabels.self
            )
            if configuration.recordsBodySizes {
                requestSize = registry.histogram(
                    "http_server_request_body_size_bytes",
                    help: "Size of request bodies.",
                    unit: .bytes,
                    labels: RequestLabels.self,
                    configuration.sizeBuckets
                )
                responseSize = registry.histogram(
                    "http_server_response_body_size_bytes",
                    help: "Size of response bodies.",
                    unit: .bytes,
                    labels: RequestLabels.self,
                    configuration.sizeBuckets
                )
            }
        }
        if configuration.naming.contains(.classic) {
            classicTotal = registry.counter("http_requests_total", help: "HTTP requests.", labels: ClassicLabels.self)
            classicDuration = registry.histogram(
                "http_request_duration_seconds",
                help: "Duration of HTTP requests.",
                unit: .seconds,
                labels: ClassicLabels.self,
                configuration.durationBuckets
            )
            classicInFlight = registry.upDownCounter(
                "http_requests_in_flight",
                help: "HTTP requests being served."
            )
        }
    }
}
