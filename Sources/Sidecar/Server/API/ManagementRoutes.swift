// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// `/-/healthy`, `/-/ready`, `/-/reload`, `/-/drain`.
struct ManagementRoutes: Sendable {
    /// Whether queries can be served.
    let isReady: @Sendable () -> Bool
    /// Reads the configuration again; nil when that went well, otherwise why not.
    let reload: @Sendable () async -> String?
    /// Readiness fails from now on; with `true` the process ends when the drain delay is over.
    let drain: @Sendable (_ andStops: Bool) -> Void
    /// Ends a drain that does not stop the process; false when none can be ended.
    let cancelDrain: @Sendable () -> Bool

    func register(on router: some RouterMethods<BasicRequestContext>) {
        for method in [HTTPRequest.Method.get, .head] {
            router.on("/-/healthy", method: method) { _, _ in Response.text("OK\n") }
            router.on("/-/ready", method: method) { _, _ in
                isReady() ? Response.text("Ready\n") : .text("Not ready\n", status: .serviceUnavailable)
            }
        }
        for method in [HTTPRequest.Method.post, .put] {
            router.on("/-/reload", method: method) { _, _ in
                if let failure = await reload() {
                    return Response.text("failed to reload config: \(failure)\n", status: .internalServerError)
                }
                return .text("")
            }
            router.on("/-/drain", method: method) { request, _ in
                let stays = request.uri.queryParameters["stop"] == "false"
                drain(!stays)
                return Response.text(stays ? "draining\n" : "draining, then stopping\n")
            }
        }
        router.on("/-/drain", method: .delete) { _, _ in
            cancelDrain()
                ? Response.text("serving\n") : .text("no drain that can be ended\n", status: .conflict)
        }
    }
}
