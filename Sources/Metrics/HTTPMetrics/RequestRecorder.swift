// SPDX-License-Identifier: Apache-2.0

import Exposition
import HTTPTypes
import Hummingbird
import Logging
import SidecarMetrics
import Synchronization

/// What the middleware knows about all requests.
final class RequestRecorder: Sendable {
    let configuration: HTTPMetricsConfiguration
    private let routes: RouteTable

    /// Bodies up to this size leave in one write.
    static let smallBody = 65_536
    /// A client does not go away in so short a time, so that its absence need not be looked for.
    static let quickNanoseconds: Int64 = 1_000_000

    init(_ registry: MetricsRegistry, _ configuration: HTTPMetricsConfiguration) {
        self.configuration = configuration
        self.routes = RouteTable(registry, configuration)
    }

    func now() -> Int64 {
        if let clock = configuration.monotonicClock { return clock() }
        return SystemTime.monotonicNanoseconds()
    }

    func instruments(for request: Request, route: String?) -> RouteInstruments {
        // The router's name for "no route"; templates start with a slash.
        let route = route.flatMap { $0.utf8.first == UInt8(ascii: "/") ? $0 : nil }
        return routes.instruments(
            route: route,
            method: KnownMethod(request.method.rawValue),
            isSecure: request.head.scheme == "https"
        )
    }

    func trace(of request: Request) -> TraceParent? {
        guard configuration.followsTraces, let header = request.headers[Self.traceParentName] else { return nil }
        return TraceParent(header)
    }

    private static let traceParentName = HTTPField.Name("traceparent") ?? .userAgent
}

/// One request from its start to the one moment at which it is recorded.
final class RequestRecord: Sendable {
    private let recorder: RequestRecorder
    private let instruments: RouteInstruments
    private let started: Int64
    private let trace: TraceParent?
    private let request: HTTPRequest
    private let logger: Logger
    private let isFinished = Atomic<Bool>(false)

    init(
        recorder: RequestRecorder,
        instruments: RouteInstruments,
        started: Int64,
        trace: TraceParent?,
        request: HTTPRequest,
        logger: Logger
    ) {
        self.recorder = recorder
        self.instruments = instruments
        self.started = started
        self.trace = trace
        self.request = request
        self.logger = logger
    }

    /// Records the request; only the first call counts.
    func finish(status: Int, errorType: String, responseBytes: Int?) {
        guard !isFinished.exchange(true, ordering: .relaxed) else { return }
        instruments.ended()
        let errorType = errorType.isEmpty && status >= 500 ? String(status) : errorType
        let nanoseconds = max(0, recorder.now() &- started)
        let seconds = Double(nanoseconds) / 1e9
        let outcome = instruments.outcome(status, errorType)
        if let trace, let duration = outcome.duration {
            duration.observe(seconds, exemplar: ["trace_id": trace.traceID, "span_id": trace.spanID])
        } else {
            outcome.duration?.observe(seconds)
        }
        if let size = outcome.requestSize { size.observe(Double(requestBytes)) }
        if let responseBytes { outcome.responseSize?.observe(Double(responseBytes)) }
        outcome.classicTotal?.increment()
        outcome.classicDuration?.observe(seconds)
        log(status, errorType, nanoseconds, responseBytes)
    }

    /// What the client announced; a body of unknown length counts as nothing.
    private var requestBytes: Int {
        switch instruments.method {
        case .get, .head: 0
        default: request.headerFields[.contentLength].flatMap { Int($0) }.map { max(0, $0) } ?? 0
        }
    }

    private func log(_ status: Int, _ errorType: String, _ nanoseconds: Int64, _ responseBytes: Int?) {
        if let accessLog = recorder.configuration.accessLog {
            accessLog.write(
                AccessLogEntry(
                    method: request.method.rawValue,
                    path: request.path ?? "",
                    route: instruments.route,
                    status: status,
                    nanoseconds: nanoseconds,
                    responseBytes: responseBytes,
                    errorType: errorType,
                    traceID: trace?.traceID,
                    requestID: logger[metadataKey: "hb.request.id"].map { "\($0)" }
                )
            )
        }
        guard let threshold = recorder.configuration.slowRequestThreshold,
            Duration.nanoseconds(nanoseconds) > threshold
        else { return }
        var metadata: Logger.Metadata = [
            "http.route": "\(instruments.route)", "http.request.method": "\(instruments.method.labelValue)",
            "http.response.status_code": "\(status)", "http.duration_ms": "\(nanoseconds / 1_000_000)",
        ]
        if let trace { metadata["trace_id"] = "\(trace.traceID)" }
        (recorder.configuration.logger ?? logger).warning("slow request", metadata: metadata)
    }
}

/// Records a response that was thrown away before anybody wrote it.
final class UnwrittenResponse: Sendable {
    private let record: RequestRecord
    private let status: Int
    private let isWritten = Atomic<Bool>(false)

    init(_ record: RequestRecord, status: Int) {
        self.record = record
        self.status = status
    }

    func isBeingWritten() { isWritten.store(true, ordering: .relaxed) }

    deinit {
        if !isWritten.load(ordering: .relaxed) { record.finish(status: status, errorType: "", responseBytes: 0) }
    }
}
