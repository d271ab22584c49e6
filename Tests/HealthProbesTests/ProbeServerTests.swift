// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import HealthChecks
import HealthProbes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NIOPosix
import TestSupport
import Testing

/// Over real sockets: the fast handler, the middleware behind it, and how the two share a connection.
@Suite(.timeLimit(.minutes(1))) struct ProbeServerTests {
    private func serve(
        fast: Bool = true,
        _ fixture: ProbeFixture,
        _ body: @escaping @Sendable (Int) async throws -> Void
    ) async throws {
        let router = Router()
        router.add(middleware: ProbeMiddleware(fixture.responder))
        router.get("hello") { _, _ in "world" }
        router.post("echo") { request, _ in try await String(buffer: request.body.collect(upTo: 1_000)) }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let application = Application(
            router: router,
            server: fast ? .http1(probes: fixture.responder) : .http1(),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            logger: logger
        )
        try await application.test(.live) { client in try await body(try #require(client.port)) }
    }

    private static func body(of response: String) -> String {
        response.range(of: "\r\n\r\n").map { String(response[$0.upperBound...]) } ?? ""
    }

    @Test(arguments: [true, false])
    func theSameAnswersWithAndWithoutTheFastHandler(fast: Bool) async throws {
        let fixture = try ProbeFixture()
        try await serve(fast: fast, fixture) { port in
            let cases: [(request: String, status: String, body: String)] = [
                ("GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200 OK", "ok"),
                ("GET /livez HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nConnection: close\r\n\r\n", "200 OK", "ok"),
                ("GET /startupz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200 OK", "ok"),
                ("HEAD /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200 OK", ""),
                ("OPTIONS / HTTP/1.0\r\n\r\n", "200 OK", ""), ("GET /readyz HTTP/1.0\r\n\r\n", "200 OK", "ok"),
                ("OPTIONS /readyz HTTP/1.0\r\n\r\n", "200 OK", ""),
                ("GET /readyz/database HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200 OK", "ok"),
                ("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200 OK", "world"),
            ]
            for (request, status, expected) in cases {
                let connection = try RawConnection(port: port)
                try connection.send(request)
                // the router does not see the version, so only the fast handler closes after HTTP/1.0
                let response = try await connection.read { text in
                    !fast && request.contains("HTTP/1.0") && text.hasSuffix("\r\n\r\n" + expected)
                }
                #expect(
                    response.hasPrefix("HTTP/1.1 \(status)\r\n") || response.hasPrefix("HTTP/1.0 \(status)\r\n"),
                    "\(request)"
                )
                #expect(Self.body(of: response) == expected, "\(request)")
                if expected == "ok" {
                    let head = response.lowercased()
                    #expect(head.contains("cache-control: no-store\r\n") && head.contains("content-length: 2\r\n"))
                    #expect(head.contains("x-content-type-options: nosniff\r\n") && head.contains("\r\ndate: "))
                }
            }
        }
    }

    @Test(arguments: [true, false])
    func aFailureSaysWhy(fast: Bool) async throws {
        let fixture = try ProbeFixture()
        fixture.fail("database", .auth)
        try await serve(fast: fast, fixture) { port in
            for method in ["GET", "HEAD", "OPTIONS"] {
                let connection = try RawConnection(port: port)
                try connection.send("\(method) /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                let response = try await connection.read()
                #expect(response.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
                #expect(response.lowercased().contains("x-health-reason: auth\r\n"))
                #expect(Self.body(of: response).hasPrefix("auth: database\n") == (method == "GET"))
            }
        }
    }

    @Test func aStateThatChangesIsSeenByAnOpenConnection() async throws {
        let fixture = try ProbeFixture()
        try await serve(fixture) { port in
            let connection = try RawConnection(port: port)
            let request = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
            try connection.send(request)
            #expect(try await connection.read { $0.hasSuffix("ok") }.contains("200 OK"))
            fixture.fail("database")
            try connection.send(request)
            #expect(try await connection.read { $0.hasSuffix("failed\n") }.contains("503 Service Unavailable"))
            fixture.registry.record(.up(duration: .zero), for: "database", at: ProbeFixture.now)
            try connection.send(request)
            #expect(try await connection.read { $0.hasSuffix("ok") }.contains("200 OK"))
        }
    }

    @Test func probesAndOtherRequestsShareAConnectionInOrder() async throws {
        try await serve(try ProbeFixture()) { port in
            let connection = try RawConnection(port: port)
            let probe = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
            try connection.send(probe + probe + "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n" + probe)
            try connection.send("GET /readyz?verbose HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            let bodies = try await connection.read().components(separatedBy: "\r\n\r\n").dropFirst().map {
                $0.components(separatedBy: "HTTP/1.1").first ?? ""
            }
            #expect(bodies == ["ok", "ok", "world", "ok", bodies.last ?? ""])
            #expect(bodies.last?.hasSuffix("readyz check passed\n") == true)
        }
    }

    @Test func aRequestInPiecesIsAnswered() async throws {
        try await serve(try ProbeFixture()) { port in
            let connection = try RawConnection(port: port)
            for piece in ["GE", "T /rea", "dyz HTTP/1.1\r", "\nHost: x\r\nConnection", ": close\r\n\r", "\n"] {
                try connection.send(piece)
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(Self.body(of: try await connection.read()) == "ok")
        }
    }

    @Test(arguments: [
        "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 44\r\nConnection: close\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n GET /livez",
        "GET /livez HTTP/1.1\nHost: x\n\n", "GET /livez\r\n\r\n",
        "GET  /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
        "GET /livez HTTP/2.0\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost : x\r\nConnection: close\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nConnection: close\r\n\r\n",
    ])
    func unusualRequestsAreLeftToTheParserAndHurtNobody(request: String) async throws {
        let fixture = try ProbeFixture()
        try await serve(fixture) { port in
            let odd = try RawConnection(port: port, timeout: 1)
            try odd.send(request)
            _ = try? await odd.read()
            let connection = try RawConnection(port: port)
            try connection.send("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(Self.body(of: try await connection.read()) == "ok")
        }
    }

    @Test func haproxysAgentGetsItsLineAndTheWordsAreTakenBack() async throws {
        let fixture = try ProbeFixture()
        let (ports, feed) = AsyncStream.makeStream(of: Int.self)
        let server = HAProxyAgentServer(
            address: try SocketAddress(ipAddress: "127.0.0.1", port: 0),
            group: MultiThreadedEventLoopGroup.singleton,
            registry: fixture.registry,
            clock: fixture.responder.clock,
            weight: { 60 },
            onBound: { feed.yield($0?.port ?? 0) }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let port = try #require(await ports.first { _ in true })
            func ask(_ sent: String = "") async throws -> String {
                let connection = try RawConnection(port: port)
                if !sent.isEmpty { try connection.send(sent) }
                return try await connection.read()
            }
            #expect(try await ask() == "up ready 60%\n")
            fixture.fail("database")
            #expect(try await ask("state\n") == "down ready #connect_refused\n")
            fixture.registry.record(.up(duration: .zero), for: "database", at: ProbeFixture.now)
            #expect(try await ask() == "up ready 60%\n")
            fixture.registry.setPhase(.draining, at: ProbeFixture.now)
            #expect(try await ask() == "up drain\n")
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test func theWeightFollowsTheLoad() {
        #expect(HAProxyAgent.weight(forLoad: 0.2) == 100 && HAProxyAgent.weight(forLoad: .nan) == 100)
        #expect(HAProxyAgent.weight(forLoad: 0.75) == 55 && HAProxyAgent.weight(forLoad: 1) == 10)
        #expect(HAProxyAgent.weight(forLoad: .infinity) == 100 && HAProxyAgent.weight(forLoad: 50) == 10)
        #expect(HAProxyAgent.reply(failure: nil, weight: 0) == "up ready 1%\n")
    }
}
