// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Exposition
import Glibc
import HTTPMetrics
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import SidecarMetrics
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct MiddlewareTests {
    struct Broken: Error {}
    struct QueryTimeoutError: Error {}

    /// A clock that moves on by a millisecond and a half each time it is read, so that nothing counts as quick.
    static func slowClock() -> @Sendable () -> Int64 {
        let clock = TestClock()
        return { clock.next() }
    }

    final class TestClock: Sendable {
        private let time = Atomic<Int64>(0)
        func next() -> Int64 { time.wrappingAdd(1_500_000, ordering: .relaxed).newValue }
    }

    struct Service {
        let registry = MetricsRegistry()
        let router = Router()

        init(_ change: (inout HTTPMetricsConfiguration) -> Void = { _ in }) {
            var configuration = HTTPMetricsConfiguration()
            change(&configuration)
            router.add(middleware: HTTPMetricsMiddleware(registry: registry, configuration: configuration))
            router.get("/boxes/:id") { _, _ in "a box" }
            router.post("/boxes/:id") { request, _ in
                var request = request
                return try await request.collectBody(upTo: 1_000).readableBytes.description
            }
            router.get("/missing") { _, _ -> String in throw HTTPError(.notFound) }
            router.get("/late") { _, _ -> String in throw HTTPError(.gatewayTimeout) }
            router.get("/broken") { _, _ -> String in throw Broken() }
            router.get("/gone") { _, _ -> String in throw CancellationError() }
            router.get("/hung") { _, _ -> String in throw QueryTimeoutError() }
            router.get("/away") { _, _ -> String in throw ChannelError.connectTimeout(.seconds(1)) }
            router.get("/reset") { _, _ -> String in throw IOError(errnoCode: ECONNRESET, reason: "read") }
            router.get("/refused") { _, _ -> String in throw IOError(errnoCode: ECONNREFUSED, reason: "connect") }
            router.get("/lost") { _, _ -> String in throw IOError(errnoCode: ETIMEDOUT, reason: "read") }
            router.get("/livez") { _, _ in "ok" }
            router.get("/stream") { _, _ in
                Response(
                    status: .ok,
                    body: ResponseBody { writer in
                        for _ in 0..<3 { try await writer.write(ByteBuffer(string: "12345")) }
                        try await writer.finish(nil)
                    }
                )
            }
        }

        func lines(_ prefix: String) -> [String] { Self.lines(prefix, of: registry) }

        static func lines(_ prefix: String, of registry: MetricsRegistry) -> [String] {
            String(decoding: registry.render(.text), as: UTF8.self).split(separator: "\n").map(String.init)
                .filter { $0.hasPrefix(prefix) }
        }

        func run(_ body: @Sendable (any TestClientProtocol) async throws -> Void) async throws {
            try await Application(router: router).test(.router) { try await body($0) }
        }
    }

    @Test func `a request is recorded by its template`() async throws {
        let service = Service()
        try await service.run { client in
            for id in 1...3 { _ = try await client.execute(uri: "/boxes/\(id)?token=secret", method: .get) { _ in } }
        }
        let labels =
            #"http_request_method="GET",http_response_status_code="200",http_route="/boxes/{id}",url_scheme="http""#
        #expect(
            service.lines("http_server_request_duration_seconds_count") == [
                "http_server_request_duration_seconds_count{\(labels)} 3"
            ]
        )
        for edge in ["0.1", "0.25", "0.5", "1"] {
            let line = #"http_server_request_duration_seconds_bucket{\#(labels),le="\#(edge)"} 3"#
            #expect(service.lines(line).count == 1)
        }
        #expect(
            service.lines("http_server_response_body_size_bytes_sum") == [
                "http_server_response_body_size_bytes_sum{\(labels)} 15"
            ]
        )
        #expect(
            service.lines("http_server_active_requests") == [
                #"http_server_active_requests{http_request_method="GET",url_scheme="http"} 0"#
            ]
        )
    }

    @Test(arguments: [
        ("/missing", "404", ""), ("/late", "504", #"error_type="504","#), ("/broken", "500", #"error_type="Broken","#),
        ("/gone", "499", #"error_type="client_closed","#), ("/reset", "499", #"error_type="client_closed","#),
        ("/refused", "500", #"error_type="IOError","#), ("/hung", "500", #"error_type="timeout","#),
        ("/away", "500", #"error_type="timeout","#), ("/lost", "500", #"error_type="timeout","#),
    ]) func `the duration is recorded on thrown errors`(path: String, status: String, error: String) async throws {
        let service = Service()
        try await service.run { client in _ = try? await client.execute(uri: path, method: .get) { _ in } }
        let series =
            #"{\#(error)http_request_method="GET",http_response_status_code="\#(status)",http_route="\#(path)",url_scheme="http"}"#
        #expect(
            service.lines("http_server_request_duration_seconds_count") == [
                "http_server_request_duration_seconds_count\(series) 1"
            ]
        )
        #expect(service.lines("http_server_active_requests").allSatisfy { $0.hasSuffix(" 0") })
    }

    @Test func `unmatched paths share one route and strange methods one method`() async throws {
        let service = Service()
        try await service.run { client in
            for number in 0..<20 {
                _ = try await client.execute(uri: "/random/\(number)", method: .get) { _ in }
                let method = try #require(HTTPRequest.Method("BREW\(number)"))
                _ = try await client.execute(uri: "/boxes/1", method: method) { _ in }
            }
        }
        let counts = service.lines("http_server_request_duration_seconds_count")
        #expect(counts.count == 2)
        #expect(counts.allSatisfy { $0.contains(#"http_route="unmatched""#) && $0.hasSuffix(" 20") })
        #expect(counts.contains { $0.contains(#"http_request_method="_OTHER""#) })
    }

    @Test func `probes are not recorded`() async throws {
        let service = Service()
        try await service.run { client in _ = try await client.execute(uri: "/livez", method: .get) { _ in } }
        #expect(service.lines("http_").isEmpty)
    }

    @Test func `a streamed body is recorded when its last byte is written`() async throws {
        let service = Service()
        try await service.run { client in
            try await client.execute(uri: "/stream", method: .get) { #expect($0.body.readableBytes == 15) }
        }
        let sums = service.lines("http_server_response_body_size_bytes_sum")
        #expect(sums.count == 1)
        #expect(sums.first?.hasSuffix(" 15") == true)
    }

    @Test func `a slow small response is recorded once`() async throws {
        let service = Service { $0.monotonicClock = Self.slowClock() }
        try await service.run { client in _ = try await client.execute(uri: "/boxes/1", method: .get) { _ in } }
        #expect(service.lines("http_server_request_duration_seconds_count").first?.hasSuffix(" 1") == true)
        #expect(service.lines("http_server_active_requests").first?.hasSuffix(" 0") == true)
    }

    @Test func `request sizes come from the content length`() async throws {
        let service = Service()
        try await service.run { client in
            let body = ByteBuffer(string: String(repeating: "x", count: 100))
            _ = try await client.execute(
                uri: "/boxes/1",
                method: .post,
                headers: [.contentLength: "100"],
                body: body
            ) { _ in }
        }
        #expect(service.lines("http_server_request_body_size_bytes_sum").first?.hasSuffix(" 100") == true)
    }

    @Test func `classic names stand beside the new ones when asked for`() async throws {
        let service = Service { $0.naming = [.openTelemetry, .classic] }
        try await service.run { client in _ = try await client.execute(uri: "/boxes/1", method: .get) { _ in } }
        #expect(
            service.lines("http_requests_total") == [
                #"http_requests_total{code="200",method="GET",route="/boxes/{id}"} 1"#
            ]
        )
        #expect(service.lines("http_request_duration_seconds_count").count == 1)
        #expect(service.lines("http_requests_in_flight") == ["http_requests_in_flight 0"])
        #expect(service.lines("http_server_request_duration_seconds_count").count == 1)
    }

    @Test func `a route may have buckets of its own`() async throws {
        let service = Service { $0.durationBucketsByRoute["/boxes/{id}"] = .buckets([2, 4]) }
        try await service.run { client in
            _ = try await client.execute(uri: "/boxes/1", method: .get) { _ in }
            _ = try await client.execute(uri: "/stream", method: .get) { _ in }
        }
        let buckets = service.lines("http_server_request_duration_seconds_bucket")
        #expect(buckets.filter { $0.contains("/boxes") }.count == 3)
        #expect(buckets.filter { $0.contains("/stream") }.count == 15)
    }

    @Test func `many routes and statuses, asked for at once, keep their own series`() async throws {
        let service = Service()
        for route in 0..<150 {
            service.router.get("/many/\(route)/:status") { _, context in
                Response(status: .init(code: try context.parameters.require("status", as: Int.self)))
            }
        }
        try await service.run { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<8 {
                    group.addTask {
                        for step in 0..<150 {
                            let route = (step + task * 19) % 150
                            try await client.execute(uri: "/many/\(route)/\(200 + route % 3)", method: .get) { _ in }
                        }
                    }
                }
                try await group.waitForAll()
            }
            // More statuses of one route than are remembered.
            for status in 300..<400 { try await client.execute(uri: "/many/0/\(status)", method: .get) { _ in } }
        }
        let counts = service.lines("http_server_request_duration_seconds_count")
        #expect(counts.count == 250)
        #expect(counts.count { $0.hasSuffix(" 8") } == 150)
        #expect(counts.count { $0.hasSuffix(" 1") } == 100)
        #expect(service.lines("http_server_active_requests").allSatisfy { $0.hasSuffix(" 0") })
    }

    /// Gives every request a route's name in memory of its own, which is freed after the request.
    private struct NamingMiddleware: RouterMiddleware {
        func handle(
            _ request: Request,
            context: BasicRequestContext,
            next: @concurrent (Request, BasicRequestContext) async throws -> Response
        ) async throws -> Response {
            context.coreContext.endpointPath.value = "/a name of some length/" + request.uri.path.dropFirst(7)
            return try await next(request, context)
        }
    }

    @Test func `a route is known by its text, wherever that is`() async throws {
        let registry = MetricsRegistry()
        let router = Router()
        router.add(middleware: NamingMiddleware())
        router.add(middleware: HTTPMetricsMiddleware(registry: registry))
        router.get("/names/:name") { _, _ in "a name" }
        router.delete("/names/:name") { _, _ in "no name" }
        try await Application(router: router).test(.router) { client in
            for step in 0..<300 {
                try await client.execute(uri: "/names/\(step % 3)", method: step % 2 == 0 ? .get : .delete) { _ in }
            }
        }
        let counts = Service.lines("http_server_request_duration_seconds_count", of: registry)
        #expect(counts.count == 6)
        #expect(counts.allSatisfy { $0.hasSuffix(" 50") })
        for name in 0..<3 { #expect(counts.count { $0.contains("/a name of some length/\(name)\"") } == 2) }
    }

    @Test func `causes without end share one, and statuses do not`() async throws {
        let service = Service()
        service.router.get("/fail/:number") { _, context -> String in
            throw try Self.failure(context.parameters.require("number", as: Int.self))
        }
        try await service.run { client in
            for number in 0..<27 * 27 {
                _ = try await client.execute(uri: "/fail/\(number)", method: .get) { #expect($0.status.code == 500) }
            }
        }
        let counts = service.lines("http_server_request_duration_seconds_count")
        #expect(counts.count == 65)
        #expect(counts.count { $0.contains(#"error_type="_OTHER","#) } == 1)
        let sum = counts.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.reduce(0, +)
        #expect(sum == 27 * 27)
    }

    /// Errors whose types are as many as pairs of these three, nested thrice: 27 × 27.
    private struct Named<Inner>: Error {}
    private static func failure(_ number: Int) -> any Error {
        var number = number
        var type: any Any.Type = Never.self
        func wrap<Inner>(_ inner: Inner.Type, _ choice: Int) -> any Any.Type {
            switch choice {
            case 0: Named<[Inner]>.self
            case 1: Named<Inner?>.self
            default: Named<(Inner, Int)>.self
            }
        }
        func make<Type>(_ type: Type.Type) -> any Error { Named<Type>() }
        for _ in 0..<6 {
            type = wrap(type, number % 3)
            number /= 3
        }
        return make(type)
    }

    @Test func `what Hummingbird records itself comes through the task's factory with sane names`() async throws {
        let registry = MetricsRegistry()
        let router = Router()
        router.add(middleware: MetricsMiddleware())
        router.get("/boxes/:id") { _, _ in "a box" }
        router.get("/missing") { _, _ -> String in throw HTTPError(.notFound) }
        try await withMetricsFactory(SwiftMetricsFactory(registry: registry)) {
            try await Application(router: router).test(.live) { client in
                for id in 0..<3 { try await client.execute(uri: "/boxes/\(id)", method: .get) { _ in } }
                try await client.execute(uri: "/missing", method: .get) { _ in }
            }
        }
        let box = #"http_request_method="GET",http_response_status_code="200",http_route="/boxes/{id}""#
        func line(_ series: String) -> String? { Service.lines(series + " ", of: registry).first }
        #expect(line("hb_requests_total{\(box)}")?.hasSuffix(" 3") == true)
        #expect(line("http_server_request_duration_seconds_count{\(box)}")?.hasSuffix(" 3") == true)
        #expect(line("http_server_request_duration_seconds_bucket{\(box),le=\"10\"}")?.hasSuffix(" 3") == true)
        #expect(line(#"http_server_active_requests{http_request_method="GET"}"#)?.hasSuffix(" 0") == true)
        let missing = #"error_type="404",http_request_method="GET",http_route="/missing""#
        #expect(line("hb_request_errors_total{\(missing)}")?.hasSuffix(" 1") == true)
        // Nobody else's metrics go there.
        CoreMetrics.Counter(label: "elsewhere").increment()
        #expect(Service.lines("elsewhere", of: registry).isEmpty)
    }

    @Test func `a trace reaches exemplar, handler and access log`() async throws {
        let lines = Mutex<[String]>([])
        let service = Service { configuration in
            configuration.accessLog = AccessLog(clock: { 1_700_000_000_123 }) { line in
                lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
                return true
            }
        }
        service.router.get("/trace") { _, _ in TraceExemplar.currentTraceID ?? "none" }
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        let header = try #require(HTTPField.Name("traceparent"))
        try await service.run { client in
            let headers: HTTPFields = [header: "00-\(trace)-00f067aa0ba902b7-01"]
            try await client.execute(uri: "/trace?password=x", method: .get, headers: headers) {
                #expect(String(buffer: $0.body) == trace)
            }
        }
        let text = String(decoding: service.registry.render(.openMetrics), as: UTF8.self)
        #expect(text.contains(#"# {span_id="00f067aa0ba902b7",trace_id="\#(trace)"}"#))
        let line = try #require(lines.withLock { $0.first })
        #expect(
            line.hasPrefix(#"{"time":1700000000.123,"method":"GET","path":"/trace","route":"/trace","status":200,"#)
        )
        #expect(line.contains(#""trace_id":"\#(trace)""#))
        #expect(!line.contains("password"))
    }
}
