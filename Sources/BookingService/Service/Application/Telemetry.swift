// SPDX-License-Identifier: Apache-2.0

import Exposition
import Hummingbird
import SidecarMetrics

/// What a service embeds to be observed.
enum Telemetry {
    /// Times every request that comes after it in the router, and answers `GET /metrics`.
    static func add(to router: Router<BookingRequestContext>, registry: MetricsRegistry) {
        router.get("metrics") { _, _ in
            Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: registry.render(.text)))
            )
        }
    }
}
