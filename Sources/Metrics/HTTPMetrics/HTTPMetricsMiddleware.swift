// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
public import Hummingbird
import Logging
import NIOCore
public import SidecarMetrics
import Tracing

/// Records every request by its route template, and logs slow ones.
///
/// Add it to the router before all other middleware, so that what they do is part of the duration. Errors thrown by
/// handlers, clients that go away (499), and responses that stream are recorded when they end.
///
/// A response with a small body of known length from a handler that took less than a millisecond is recorded when the
/// handler returns; all others when their last byte has been written.
public struct HTTPMetricsMiddleware<Context: RequestContext>: RouterMiddleware {
    private let recorder: RequestRecorder

    /// Creates the middleware and registers its metrics.
    /// - Parameters:
    ///   - registry: where they are registered.
    ///   - configuration: what is recorded and logged.
    public init(registry: MetricsRegistry, configuration: HTTPMetricsConfiguration = HTTPMetricsConfiguration()) {
        recorder = RequestRecorder(registry, configuration)
    }

    /// Serves a request.
    /// - Parameters:
    ///   - request: the request.
    ///   - context: its context, which knows the route.
    ///   - next: the rest of the chain.
    /// - Returns: the response of the chain.
    public func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        let instruments = recorder.instruments(for: request, route: context.endpointPath)
        guard !instruments.isExcluded else { return try await next(request, context) }
        let started = recorder.now()
        let trace = recorder.trace(of: request)
        let record = RequestRecord(
            recorder: recorder,
            instruments: instruments,
            started: started,
            trace: trace,
            request: request.head,
            logger: context.logger
        )
        instruments.began()
        do {
            var response: Response
            if let trace {
                var traced = ServiceContext.current ?? .topLevel
                traced.traceParent = trace
                response = try await ServiceContext.withValue(traced) { try await next(request, context) }
            } else {
                response = try await next(request, context)
            }
            if let length = response.body.contentLength, length <= RequestRecorder.smallBody,
                recorder.now() &- started < RequestRecorder.quickNanoseconds
            {
                record.finish(status: response.status.code, errorType: "", responseBytes: length)
            } else {
                response.body = Self.watched(response.body, record, status: response.status.code)
            }
            return response
        } catch {
            let failure = RequestFailure(error)
            record.finish(status: failure.status, errorType: failure.errorType, responseBytes: nil)
            throw error
        }
    }

    /// The same body; what becomes of it is recorded.
    private static func watched(_ body: ResponseBody, _ record: RequestRecord, status: Int) -> ResponseBody {
        // Recorded when the last reference to it goes, if nobody ever asks for the body: a dropped response.
        let guardian = UnwrittenResponse(record, status: status)
        let length = body.contentLength
        return ResponseBody(contentLength: length) { writer in
            guardian.isBeingWritten()
            let counter = length == nil ? ByteCount() : nil
            do {
                if let counter {
                    try await body.write(
                        writer.map { buffer in
                            counter.add(buffer.readableBytes)
                            return buffer
                        }
                    )
                } else {
                    try await body.write(writer)
                }
                record.finish(status: status, errorType: "", responseBytes: length ?? counter?.value)
            } catch {
                // The head has been sent, so nobody but the client's absence is to blame for a failed write.
                let failure = RequestFailure(whileWriting: error)
                record.finish(status: failure.status, errorType: failure.errorType, responseBytes: counter?.value)
                throw error
            }
        }
    }
}
