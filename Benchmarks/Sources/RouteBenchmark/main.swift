// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTPMetrics
import Hummingbird
import NIOPosix
import SidecarMetrics

// A trivial route, with the middleware, without any, or with one that does nothing, which shows what Hummingbird takes
// for calling one: `RouteBenchmark PORT with|without|idle`. Runs until it is told to end.

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
guard arguments.count == 3, let port = Int(arguments[1]), ["with", "without", "idle"].contains(arguments[2]) else {
    fatalError("usage: RouteBenchmark PORT with|without|idle")
}
let router = Router()
switch arguments[2] {
case "with": router.add(middleware: HTTPMetricsMiddleware(registry: MetricsRegistry()))
case "idle": router.add(middleware: IdleMiddleware())
default: break
}
router.get("/hello/:name") { _, _ in "Hello" }
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
