// SPDX-License-Identifier: Apache-2.0

public import Logging
public import SidecarMetrics

/// What the middleware records and logs.
public struct HTTPMetricsConfiguration: Sendable {
    /// Sets of metric names.
    public struct Naming: OptionSet, Sendable {
        /// The bits.
        public let rawValue: Int

        /// Creates a set.
        /// - Parameter rawValue: the bits.
        public init(rawValue: Int) { self.rawValue = rawValue }

        /// `http_server_request_duration_seconds`, `http_server_active_requests`, `http_server_request_body_size_bytes`,
        /// `http_server_response_body_size_bytes`.
        public static let openTelemetry = Naming(rawValue: 1)
        /// `http_requests_total`, `http_request_duration_seconds`, `http_requests_in_flight`.
        public static let classic = Naming(rawValue: 2)
    }

    /// Which names; both at once is allowed.
    public var naming = Naming.openTelemetry
    /// Buckets of the duration in seconds.
    public var durationBuckets = HistogramConfiguration.latency
    /// Other buckets for some route templates.
    public var durationBucketsByRoute: [String: HistogramConfiguration] = [:]
    /// Whether sizes of bodies are recorded.
    public var recordsBodySizes = true
    /// Buckets of the sizes in bytes.
    public var sizeBuckets = HistogramConfiguration.bytes
    /// Route templates that are neither recorded nor logged: probes and the metrics themselves.
    public var excludedRoutes: Set<String> = [
        "/metrics", "/livez", "/readyz", "/startupz", "/health", "/healthz", "/ping",
    ]
    /// Value of the route label when no route matched.
    public var unmatchedRoute = "unmatched"
    /// Requests that take longer are logged at level warning; nil logs none.
    public var slowRequestThreshold: Duration? = .seconds(1)
    /// Where each request is written as one line of JSON; nil writes none.
    public var accessLog: AccessLog?
    /// Whether the trace named by a `traceparent` header is put into the task's context, into exemplars and logs.
    public var followsTraces = true
    /// A clock in nanoseconds that never goes back; nil takes the system's.
    public var monotonicClock: (@Sendable () -> Int64)?
    /// Where slow requests are logged; nil takes the request's own logger.
    public var logger: Logger?

    /// Creates the default configuration.
    public init() {}
}
