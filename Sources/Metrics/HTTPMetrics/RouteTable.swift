// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import SidecarMetrics

/// Finds the instruments of a route. Templates are as many as the program has routes, so the table does not grow.
final class RouteTable: Sendable {
    private let families: HTTPFamilies
    private let configuration: HTTPMetricsConfiguration
    private let routes = PublishedTable<RouteInstruments>(limit: mostRoutes)
    /// The same, found without reading texts.
    private let known = PublishedTable<RouteInstruments>(limit: mostRoutes + 1)

    /// A router that makes templates out of requests would otherwise fill the memory.
    private static let mostRoutes = 10_000

    init(_ registry: MetricsRegistry, _ configuration: HTTPMetricsConfiguration) {
        self.configuration = configuration
        self.families = HTTPFamilies(registry, configuration)
    }

    /// The instruments of a request; they live as long as the table. Templates beyond the limit count as no route.
    /// - Parameter endpoint: the router's name for the route.
    @inline(__always)
    func instruments(_ head: HTTPRequest, endpoint: String?) -> Unmanaged<RouteInstruments> {
        let key = RouteKey(endpoint: endpoint, method: head.method.rawValue, scheme: head.scheme)
        let identity = key.identity
        if let known = unsafe known.find(identity.hash, { $0.identity == identity }) { return unsafe known }
        // The router has another name for "no route"; templates start with a slash.
        let template = endpoint.flatMap { $0.utf8.first == UInt8(ascii: "/") ? $0 : nil }
        return unsafe search(template, key)
    }

    @inline(never)
    private func search(_ template: String?, _ key: RouteKey) -> Unmanaged<RouteInstruments> {
        let route = template ?? configuration.unmatchedRoute
        let method = KnownMethod(key.method)
        let isSecure = key.scheme == "https"
        // Templates are the program's own, so nobody can choose them to have equal hashes.
        var hasher = LabelHasher(seed: UInt64(method.rawValue) << 1 | (isSecure ? 1 : 0))
        hasher.append(route)
        let hash = hasher.state
        let matches: (RouteInstruments) -> Bool = {
            $0.method == method && $0.isSecure == isSecure && $0.route == route
        }
        if let found = unsafe routes.find(hash, matches) { return unsafe found }
        let made = RouteInstruments(
            route: route,
            method: method,
            isSecure: isSecure,
            key: key,
            isExcluded: template.map(configuration.excludedRoutes.contains) ?? false,
            families: families,
            buckets: configuration.durationBucketsByRoute[route]
        )
        guard let added = unsafe routes.add(made, hash, always: template == nil, matches) else {
            return unsafe search(nil, key)
        }
        unsafe added._withUnsafeGuaranteedRef { instruments in
            let identity = instruments.identity
            _ = unsafe known.add(instruments, identity.hash, always: false) { $0.identity == identity }
        }
        return unsafe added
    }
}
