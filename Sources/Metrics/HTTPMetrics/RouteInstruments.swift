// SPDX-License-Identifier: Apache-2.0

import Exposition
import SidecarMetrics
import Synchronization

/// The metric families that the middleware fills.
struct HTTPFamilies: Sendable {
    var duration: Family<RequestLabels, Histogram>?
    var active: Family<ActiveLabels, Gauge>?
    var requestSize: Family<RequestLabels, Histogram>?
    var responseSize: Family<RequestLabels, Histogram>?
    var classicTotal: Family<ClassicLabels, Counter>?
    var classicDuration: Family<ClassicLabels, Histogram>?
    var classicInFlight: Gauge?

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
            active = registry.gauge(
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
            classicInFlight = registry.gauge("http_requests_in_flight", help: "HTTP requests being served.")
        }
    }
}

/// The instruments of one route and method, found once per request by the route's template.
final class RouteInstruments: Sendable {
    let route: String
    let method: KnownMethod
    let scheme: String
    let isExcluded: Bool
    let active: Gauge?
    let classicInFlight: Gauge?
    private let families: HTTPFamilies
    private let buckets: HistogramConfiguration?
    private let outcomes = Mutex<[Outcome]>([])

    /// The instruments of one status; handles, so that recording looks nothing up.
    struct Outcome: Sendable {
        let status: Int
        let errorType: String
        let duration: Histogram?
        let requestSize: Histogram?
        let responseSize: Histogram?
        let classicTotal: Counter?
        let classicDuration: Histogram?
    }

    /// Outcomes remembered; more than these are looked up in the families each time.
    private static let mostOutcomes = 64

    init(
        route: String,
        method: KnownMethod,
        scheme: String,
        isExcluded: Bool,
        families: HTTPFamilies,
        buckets: HistogramConfiguration?
    ) {
        self.route = route
        self.method = method
        self.scheme = scheme
        self.isExcluded = isExcluded
        self.families = families
        self.buckets = buckets
        self.active =
            isExcluded
            ? nil : families.active?[ActiveLabels(method: method.labelValue, scheme: scheme)]
        self.classicInFlight = isExcluded ? nil : families.classicInFlight
    }

    func began() {
        active?.increment()
        classicInFlight?.increment()
    }

    func ended() {
        active?.decrement()
        classicInFlight?.decrement()
    }

    func outcome(_ status: Int, _ errorType: String) -> Outcome {
        let known = outcomes.withLock { outcomes in
            outcomes.first { $0.status == status && $0.errorType == errorType }
        }
        return known ?? makeOutcome(status, errorType)
    }

    private func makeOutcome(_ status: Int, _ errorType: String) -> Outcome {
        let labels = RequestLabels(
            method: method.labelValue,
            route: route,
            status: status,
            scheme: scheme,
            errorType: errorType
        )
        let classic = ClassicLabels(method: method.labelValue, route: route, code: status)
        if let buckets {
            families.duration?.create(labels, configuration: buckets)
            families.classicDuration?.create(classic, configuration: buckets)
        }
        let outcome = Outcome(
            status: status,
            errorType: errorType,
            duration: families.duration?[labels],
            requestSize: families.requestSize?[labels],
            responseSize: families.responseSize?[labels],
            classicTotal: families.classicTotal?[classic],
            classicDuration: families.classicDuration?[classic]
        )
        outcomes.withLock { outcomes in
            if outcomes.count < Self.mostOutcomes { outcomes.append(outcome) }
        }
        return outcome
    }
}

/// Finds the instruments of a route. Templates are as many as the program has routes, so the table does not grow.
final class RouteTable: Sendable {
    private struct Key: Hashable {
        let route: String
        let method: KnownMethod
        let isSecure: Bool
    }

    private let families: HTTPFamilies
    private let configuration: HTTPMetricsConfiguration
    private let routes = Mutex<[Key: RouteInstruments]>([:])

    /// A router that makes templates out of requests would otherwise fill the memory.
    private static let mostRoutes = 10_000

    init(_ registry: MetricsRegistry, _ configuration: HTTPMetricsConfiguration) {
        self.configuration = configuration
        self.families = HTTPFamilies(registry, configuration)
    }

    func instruments(route: String?, method: KnownMethod, isSecure: Bool) -> RouteInstruments {
        let key = Key(route: route ?? configuration.unmatchedRoute, method: method, isSecure: isSecure)
        if let known = routes.withLock({ $0[key] }) { return known }
        let made = RouteInstruments(
            route: key.route,
            method: method,
            scheme: isSecure ? "https" : "http",
            isExcluded: route.map(configuration.excludedRoutes.contains) ?? false,
            families: families,
            buckets: configuration.durationBucketsByRoute[key.route]
        )
        return routes.withLock { routes in
            if let known = routes[key] { return known }
            if routes.count < Self.mostRoutes { routes[key] = made }
            return made
        }
    }
}
