// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import Logging
import SidecarMetrics

/// A request that is being served. It lives no longer than its recorder, which keeps the instruments.
@safe
struct RunningRequest: Sendable {
    // Counting references to what all threads use would make them wait for each other's caches.
    fileprivate let instruments: Unmanaged<RouteInstruments>
    fileprivate let started: Int64
    let trace: TraceParent?

    /// Bodies up to this size leave in one write.
    private static let smallBody = 65_536
    /// A client does not go away in so short a time, so that its absence need not be looked for.
    private static let quickNanoseconds: Int64 = 1_000_000

    /// Whether a response may be recorded before it has been written: it is small, and came at once.
    func isAsGoodAsWritten(_ length: Int?, _ now: Int64) -> Bool {
        guard let length else { return false }
        return length <= Self.smallBody && now &- started < Self.quickNanoseconds
    }
}

/// How a request ended.
struct RequestResult: Sendable {
    let status: Int
    /// Why it failed; empty when it did not.
    let errorType: String
    /// Bytes of the response's body, if known.
    let responseBytes: Int?
    let ended: Int64
}

/// Records requests: what the middleware does that does not depend on the type of its context.
final class RequestRecorder: Sendable {
    private let configuration: HTTPMetricsConfiguration
    private let routes: RouteTable
    private let slowNanoseconds: Int64

    /// Nil when traces are not followed. Not static: whoever reads a static constant asks whether it has been made.
    private let traceParentName: HTTPField.Name?

    init(_ registry: MetricsRegistry, _ configuration: HTTPMetricsConfiguration) {
        self.configuration = configuration
        self.routes = RouteTable(registry, configuration)
        self.traceParentName = configuration.followsTraces ? HTTPField.Name("traceparent") : nil
        self.slowNanoseconds = configuration.slowRequestThreshold.map(Self.nanoseconds) ?? .max
    }

    /// The same for longer than anybody waits, so that it fits.
    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        guard seconds < 1_000_000_000 else { return .max }
        return max(seconds, 0) * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    func now() -> Int64 {
        if let clock = configuration.monotonicClock { return clock() }
        return SystemTime.monotonicNanoseconds()
    }

    /// Begins a request; nil when its route is left out.
    /// - Parameter endpoint: the router's name for the route.
    func begin(_ request: Request, endpoint: String?) -> RunningRequest? {
        let instruments = unsafe routes.instruments(request.head, endpoint: endpoint)
        guard unsafe instruments._withUnsafeGuaranteedRef({ $0.began() }) else { return nil }
        return unsafe RunningRequest(instruments: instruments, started: now(), trace: trace(request.headers))
    }

    private func trace(_ headers: HTTPFields) -> TraceParent? {
        // Looking whether there is one is cheaper than asking for its value.
        guard let name = traceParentName, headers.contains(name) else { return nil }
        return headers[name].flatMap(TraceParent.init)
    }

    /// Records a request.
    /// - Returns: whether it is to be logged.
    func finish(_ running: RunningRequest, _ head: HTTPRequest, _ result: RequestResult) -> Bool {
        let nanoseconds = max(0, result.ended &- running.started)
        unsafe running.instruments._withUnsafeGuaranteedRef { instruments in
            instruments.ended()
            let outcome = unsafe instruments.outcome(result.status, result.errorTypeLabel)
            unsafe outcome._withUnsafeGuaranteedRef {
                $0.record(
                    seconds: Double(nanoseconds) / 1e9,
                    trace: running.trace,
                    requestBytes: Self.requestBytes(head, instruments.method),
                    responseBytes: result.responseBytes
                )
            }
        }
        return nanoseconds > slowNanoseconds || configuration.accessLog != nil
    }

    /// What the client announced; a body of unknown length counts as nothing.
    private static func requestBytes(_ head: HTTPRequest, _ method: KnownMethod) -> Int {
        switch method {
        case .get, .head: 0
        default: head.headerFields[.contentLength].flatMap { Int($0) }.map { max(0, $0) } ?? 0
        }
    }

    /// Writes the access log's line, and an event when the request was slow.
    func log(_ running: RunningRequest, _ head: HTTPRequest, _ result: RequestResult, _ logger: Logger) {
        let nanoseconds = max(0, result.ended &- running.started)
        let (route, method) = unsafe running.instruments._withUnsafeGuaranteedRef { ($0.route, $0.method) }
        if let accessLog = configuration.accessLog {
            accessLog.write(
                AccessLogEntry(
                    method: head.method.rawValue,
                    path: head.path ?? "",
                    route: route,
                    status: result.status,
                    nanoseconds: nanoseconds,
                    responseBytes: result.responseBytes,
                    errorType: result.errorTypeLabel,
                    traceID: running.trace?.traceID,
                    requestID: logger[metadataKey: "hb.request.id"].map { "\($0)" }
                )
            )
        }
        guard nanoseconds > slowNanoseconds else { return }
        var metadata: Logger.Metadata = [
            "http.route": "\(route)",
            "http.request.method": "\(method.labelValue)",
            "http.response.status_code": "\(result.status)", "http.duration_ms": "\(nanoseconds / 1_000_000)",
        ]
        if let trace = running.trace { metadata["trace_id"] = "\(trace.traceID)" }
        (configuration.logger ?? logger).warning("slow request", metadata: metadata)
    }
}

extension RequestResult {
    /// OpenTelemetry: a server error without another cause has its status as its type.
    var errorTypeLabel: String { errorType.isEmpty && status >= 500 ? String(status) : errorType }
}
