// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTPMetrics
import Hummingbird
import NIOPosix
import SidecarMetrics

// One server with a trivial route three times: `/plain/:name` without any middleware, `/hello/:name` with the metrics',
// `/empty/:name` with one that does nothing, which shows what Hummingbird takes for calling one. `RouteBenchmark PORT`.
// Runs until it is told to end.
//
// In one process, because where a process happens to be loaded decides about collisions in the runtime's tables, and with
// that about some per cent of its speed and of its instructions for as long as it lives.

/// A middleware that does nothing.
struct IdleMiddleware<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request,
        context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        try await next(request, context)
    }
}

let arguments = CommandLine.arguments
guard arguments.count == 2, let port = Int(arguments[1]) else { fatalError("usage: RouteBenchmark PORT") }
let router = Router()
// A middleware is for the routes that are added after it.
router.get("/plain/:name") { _, _ in "Hello" }
router.group().add(middleware: HTTPMetricsMiddleware(registry: MetricsRegistry()))
    .get("/hello/:name") { _, _ in "Hello" }
router.group().add(middleware: IdleMiddleware()).get("/empty/:name") { _, _ in "Hello" }
// One loop, so that the client has the other core.
var application = Application(
    router: router,
    configuration: .init(address: .hostname("127.0.0.1", port: port)),
    eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: 1))
)
application.logger.logLevel = .error
// Ended by a signal's default action. The main thread waits outside libdispatch, whose wait callgrind does not survive.
Task.detached { [application] in try await application.runService(gracefulShutdownSignals: []) }
while true { pause() }
