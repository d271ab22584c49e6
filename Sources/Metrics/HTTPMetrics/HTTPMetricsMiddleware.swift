// SPDX-License-Identifier: Apache-2.0

public import Hummingbird
public import SidecarMetrics
import Tracing

/// Records every request by its route template, and logs slow ones.
///
/// Add it to the router before all other middleware, so that what they do is part of the duration. Errors thrown by
/// handlers, clients that go away (499), and responses that stream are recorded when they end.
///
/// A response with a small body of known length from a handler that took less than a millisecond is recorded when the
/// handler returns; all others when their last byte has been written.
@safe
public struct HTTPMetricsMiddleware<Context: RequestContext>: RouterMiddleware {
    // Code that is generic over the context asks for its type's properties at every step, so little is done here.
    private let recorder: RequestRecorder
    // Made where the type of the context is known; here it would have to be copied for this one property.
    private let endpoint: @Sendable (Context) -> String?
    // All threads would count references to it, twice a request, and the middleware lives on in any case.
    private var uncounted: Unmanaged<RequestRecorder> { unsafe .passUnretained(recorder) }

    /// Creates the middleware and registers its metrics.
    /// - Parameters:
    ///   - registry: where they are registered.
    ///   - configuration: what is recorded and logged.
    @inlinable
    public init(registry: MetricsRegistry, configuration: HTTPMetricsConfiguration = HTTPMetricsConfiguration()) {
        self.init(registry, configuration) { $0.endpointPath }
    }

    @usableFromInline
    init(
        _ registry: MetricsRegistry,
        _ configuration: HTTPMetricsConfiguration,
        endpoint: @escaping @Sendable (Context) -> String?
    ) {
        self.recorder = RequestRecorder(registry, configuration)
        self.endpoint = endpoint
    }

    /// Serves a request.
    /// - Parameters:
    ///   - request: the request.
    ///   - context: its context, which knows the route.
    ///   - next: the rest of the chain.
    /// - Returns: the response of the chain.
    @concurrent
    @inline(__always)
    public func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        let begun = unsafe uncounted._withUnsafeGuaranteedRef { $0.begin(request, endpoint: endpoint(context)) }
        guard let running = begun else {
            return try await next(request, context)
        }
        do {
            let response: Response
            if let trace = running.trace {
                var traced = ServiceContext.current ?? .topLevel
                traced.traceParent = trace
                response = try await ServiceContext.withValue(traced) { try await next(request, context) }
            } else {
                response = try await next(request, context)
            }
            let now = unsafe uncounted._withUnsafeGuaranteedRef { $0.now() }
            let length = response.body.contentLength
            guard running.isAsGoodAsWritten(length, now) else {
                var response = response
                let watched = WatchedResponse(
                    recorder,
                    running,
                    request.head,
                    context.logger,
                    status: response.status.code
                )
                response.body = watched.watching(response.body)
                return response
            }
            finish(
                running,
                request,
                context,
                RequestResult(status: response.status.code, errorType: "", responseBytes: length, ended: now)
            )
            return response
        } catch {
            let failure = RequestFailure(error)
            finish(
                running,
                request,
                context,
                RequestResult(
                    status: failure.status,
                    errorType: failure.errorType,
                    responseBytes: nil,
                    ended: recorder.now()
                )
            )
            throw error
        }
    }

    private func finish(_ running: RunningRequest, _ request: Request, _ context: Context, _ result: RequestResult) {
        // The logger is asked for only when there is something to log.
        if unsafe uncounted._withUnsafeGuaranteedRef({ $0.finish(running, request.head, result) }) {
            recorder.log(running, request.head, result, context.logger)
        }
    }
}
