// SPDX-License-Identifier: Apache-2.0

import SidecarMetrics

/// Finds the instruments of a route. Templates are as many as the program has routes, so the table does not grow.
final class RouteTable: Sendable {
    private let families: HTTPFamilies
    private let configuration: HTTPMetricsConfiguration
    private let routes = PublishedTable<RouteInstruments>(limit: mostRoutes)

    /// A router that makes templates out of requests would otherwise fill the memory.
    private static let mostRoutes = 10_000

    init(_ registry: MetricsRegistry, _ configuration: HTTPMetricsConfiguration) {
        self.configuration = configuration
        self.families = HTTPFamilies(registry, configuration)
    }

    /// The instruments of a route's template, nil when no route matched; they live as long as the table. Templates
    /// beyond the limit count as no route.
    func instruments(template: String?, method: KnownMethod, isSecure: Bool) -> Unmanaged<RouteInstruments> {
        let route = template ?? configuration.unmatchedRoute
        // Templates are the program's own, so nobody can choose them to have equal hashes.
        var hasher = LabelHasher(seed: UInt64(method.rawValue) << 1 | (isSecure ? 1 : 0))
        hasher.append(route)
        let hash = hasher.state
        if let known = unsafe routes.find(hash, { $0.isFor(route, method, isSecure: isSecure) }) {
            return unsafe known
        }
        let made = RouteInstruments(
            route: route,
            method: method,
            isSecure: isSecure,
            isExcluded: template.map(configuration.excludedRoutes.contains) ?? false,
            families: families,
            buckets: configuration.durationBucketsByRoute[route]
        )
        let added = unsafe routes.add(made, hash, always: template == nil) {
            $0.isFor(route, method, isSecure: isSecure)
        }
        return unsafe added ?? instruments(template: nil, method: method, isSecure: isSecure)
    }
}
