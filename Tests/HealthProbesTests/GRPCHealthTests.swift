// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import HealthProbes
import NIOCore
import NIOPosix
import TestSupport
import Testing

/// gRPC's health service, asked by Google's own client library.
@Suite(.timeLimit(.minutes(1))) struct GRPCHealthTests {
    /// Asks everything once, then watches and prints every message.
    private static let client = """
        import sys, grpc
        channel = grpc.insecure_channel(sys.argv[1])
        prefix = "/grpc.health.v1.Health/"
        same = dict(request_serializer=lambda b: b, response_deserializer=lambda b: b)
        check = channel.unary_unary(prefix + "Check", **same)
        def name(service): return b"\\x0a" + bytes([len(service)]) + service.encode()
        def ask(service, request=None):
            try:
                print("check", service, check(name(service) if request is None else request, timeout=5).hex())
            except grpc.RpcError as error:
                print("check", service, error.code().name)
        for service in ["", "readyz", "livez", "startupz", "database", "mail", "booking.Bookings", "nobody"]: ask(service)
        ask("garbage", b"\\xff\\xff")
        ask("large", name("x" * 100) + b"\\x12\\x88\\x27" + b"y" * 5000)
        print("list", channel.unary_unary(prefix + "List", **same)(b"", timeout=5).hex())
        try: channel.unary_unary(prefix + "Erase", **same)(b"", timeout=5)
        except grpc.RpcError as error: print("erase", error.code().name)
        unknown = channel.unary_stream(prefix + "Watch", **same)(name("nobody"))
        print("watch nobody", next(unknown).hex())
        unknown.cancel()
        sys.stdout.flush()
        try:
            for message in channel.unary_stream(prefix + "Watch", **same)(b""):
                print("watch", message.hex(), flush=True)
        except grpc.RpcError as error: print("watch", error.code().name, flush=True)
        """

    @Test func aRealClientIsToldTheTruthAndHearsOfChanges() async throws {
        let fixture = try ProbeFixture()
        fixture.fail("mail")
        let (ports, feed) = AsyncStream.makeStream(of: Int.self)
        let server = GRPCHealthServer(
            address: try SocketAddress(ipAddress: "127.0.0.1", port: 0),
            group: MultiThreadedEventLoopGroup.singleton,
            probes: fixture.responder,
            services: ["booking.Bookings"],
            onBound: { feed.yield($0?.port ?? 0) }
        )
        let running = Task { try await server.run() }
        let port = try #require(await ports.first { _ in true })
        let client = try ChildProcess("/usr/bin/python3", ["-c", Self.client, "127.0.0.1:\(port)"])
        func hears(_ line: String, times: Int = 1) async -> Bool {
            await waitUntil { client.output.split(separator: "\n").filter { $0 == line }.count == times }
        }
        #expect(await hears("watch 0801"), "\(client.output)\(client.errorOutput)")
        fixture.fail("database")
        #expect(await hears("watch 0802"), "\(client.output)\(client.errorOutput)")
        fixture.registry.record(.up(duration: .zero), for: "database", at: ProbeFixture.now)
        #expect(await hears("watch 0801", times: 2), "\(client.output)\(client.errorOutput)")
        fixture.registry.setPhase(.draining, at: ProbeFixture.now)
        #expect(await hears("watch 0802", times: 2), "\(client.output)\(client.errorOutput)")
        running.cancel()
        try await running.value
        #expect(await client.wait(deadline: .seconds(10)) == .code(0))
        let lines = client.output.split(separator: "\n").map(String.init)
        #expect(
            Array(lines.prefix(14)) == [
                "check  0801", "check readyz 0801", "check livez 0801", "check startupz 0801", "check database 0801",
                "check mail 0802", "check booking.Bookings 0801", "check nobody NOT_FOUND",
                "check garbage INVALID_ARGUMENT", "check large RESOURCE_EXHAUSTED", lines.count > 10 ? lines[10] : "",
                "erase UNIMPLEMENTED", "watch nobody 0803", "watch 0801",
            ]
        )
        // a map entry: the name, then a message with its status
        #expect(lines[10].hasPrefix("list 0a06") && lines[10].contains("0a086461746162617365" + "12020801"))
        #expect(lines[10].contains("0a046d61696c" + "12020802"))
        #expect(lines.last == "watch UNAVAILABLE")
    }

    @Test func anythingElseThatConnectsHarmsNobody() async throws {
        let fixture = try ProbeFixture()
        let (ports, feed) = AsyncStream.makeStream(of: Int.self)
        let server = GRPCHealthServer(
            address: try SocketAddress(ipAddress: "127.0.0.1", port: 0),
            group: MultiThreadedEventLoopGroup.singleton,
            probes: fixture.responder,
            onBound: { feed.yield($0?.port ?? 0) }
        )
        let running = Task { try await server.run() }
        let port = try #require(await ports.first { _ in true })
        for request in [
            "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u{0}", "\u{16}\u{3}\u{1}",
        ] {
            let connection = try RawConnection(port: port, timeout: 1)
            try connection.send(request)
            _ = try? await connection.read()
        }
        let url = "http://127.0.0.1:\(port)/grpc.health.v1.Health/Check"
        let arguments = ["--silent", "--http2-prior-knowledge", "--output", "/dev/null", "--write-out", "%{http_code}"]
        let plain = try await ChildProcess.run("curl", arguments + ["--data", "x", url])
        #expect(plain.output == "415")
        let other = try await ChildProcess.run(
            "curl",
            arguments + ["--header", "content-type: application/grpc", "--data-binary", "", url]
        )
        #expect(other.output == "200")  // the failure stands in `grpc-status`
        running.cancel()
        try await running.value
    }
}
