// SPDX-License-Identifier: Apache-2.0

import HTTPMetrics
import Hummingbird
import SidecarMetrics

/// What a service embeds to be observed.
enum Telemetry {
    /// Answers `GET /metrics`, and times every request that comes after it in the router.
    static func add(to router: Router<BookingRequestContext>, registry: MetricsRegistry) {
        registry.registerProcessMetrics()
        registry.registerRuntimeMetrics()
        registry.info("build_info", help: "What runs here.", labels: [("version", BookingApplication.version)])
        MetricsEndpoint(registry: registry).addRoute(to: router)
        router.add(middleware: HTTPMetricsMiddleware(registry: registry))
    }
}
