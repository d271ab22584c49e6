// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import HealthProbes
import Hummingbird
import Logging

/// An ordinary application with probes, the way its documentation says to embed them.
enum ProbeApplication {
    static func serve(port: Int) async throws {
        let registry = HealthRegistry(version: "benchmark", startedAt: HealthClock.system.now())
        let probes = ProbeResponder(registry: registry)
        let router = Router()
        router.add(middleware: ProbeMiddleware(probes))
        router.get("hello") { _, _ in "world" }
        var logger = Logger(label: "benchmark")
        logger.logLevel = .error
        let application = Application(
            router: router,
            server: .http1(probes: probes),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
            services: [HealthCheckRunner(registry: registry, checks: [], logger: logger)],
            logger: logger
        )
        try await application.runService()
    }
}
