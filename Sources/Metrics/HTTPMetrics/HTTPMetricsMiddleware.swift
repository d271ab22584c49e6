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
public struct HTTPMetricsMiddleware<Context: RequestContext>: RouterMiddleware {
    // Code that is generic over the context asks for its type's properties at every step, so little is done here.
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
    @concurrent
    public func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let running = recorder.begin(request, endpoint: context.endpointPath) else {
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
            let now = recorder.now()
            let length = response.body.contentLength
            guard recorder.isAsGoodAsWritten(length, running, now) else {
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
        if recorder.finish(running, request.head, result) {
            recorder.log(running, request.head, result, context.logger)
        }
    }
}
