// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// `/-/healthy`, `/-/ready`, `/-/reload`, `/-/drain`.
struct ManagementRoutes: Sendable {
    /// Whether queries can be served.
    let isReady: @Sendable () -> Bool
    /// Reads the configuration again; nil when that went well, otherwise why not.
    let reload: @Sendable () async -> String?
    /// Readiness fails from now on.
    let drain: @Sendable () -> Void

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
            router.on("/-/drain", method: method) { _, _ in
                drain()
                return Response.text("draining\n")
            }
        }
    }
}
