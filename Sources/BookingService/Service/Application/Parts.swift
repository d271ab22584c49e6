// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HealthChecks
import HealthProbes
import Hummingbird

/// What the routes are made of.
struct Parts: Sendable {
    let configuration: BookingConfiguration
    let database: BookingDatabase
    let cache: Cache
    let hub: AvailabilityHub
    let limiter: RateLimiter
    let authority: TokenAuthority
    let metrics: BookingMetrics
    let registry: HealthRegistry
    let probes: ProbeResponder
    let activity: ProbeActivity

    func router() -> Router<BookingRequestContext> {
        let router = Router(context: BookingRequestContext.self, options: .autoGenerateHeadEndpoints)
        let activity = activity
        let showsDetails = configuration.showsHealthDetails
        router.add(
            middleware: ProbeMiddleware(probes) { _, _ in
                activity.note()
                return showsDetails
            }
        )
        Telemetry.add(to: router, registry: metrics.registry)
        router.add(middleware: ErrorMiddleware())
        router.add(middleware: DrainingMiddleware(registry: registry))
        router.add(
            middleware: AuthenticationMiddleware(
                authority: authority,
                anonymous: configuration.authentication.isOpen ? Identity(user: "guest", email: nil) : nil
            )
        )
        let v1 = router.group("v1")
        VenueRoutes(database: database, cache: cache, hub: hub).add(to: v1)
        EventRoutes(database: database, cache: cache).add(to: v1)
        BookingRoutes(database: database, cache: cache, hub: hub, limiter: limiter, metrics: metrics).add(to: v1)
        StreamRoutes(hub: hub, database: database).add(to: v1)
        return router
    }
}

/// While draining, asks clients to open their next connection elsewhere.
struct DrainingMiddleware: RouterMiddleware {
    let registry: HealthRegistry

    func handle(
        _ request: Request,
        context: BookingRequestContext,
        next: @concurrent (Request, BookingRequestContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        if registry.snapshot.phase == .draining { response.headers[.connection] = "close" }
        return response
    }
}
