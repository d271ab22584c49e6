// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import Glibc
import HTTPClient
import HealthChecks
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct GRPCCheckTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    /// gRPC's own server, answering by the service's name.
    private static let program = """
        import grpc, sys
        from concurrent import futures
        def answer(request, context):
            service = request[2:].decode() if request else ""
            if service == "unknown": context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
            if service == "secret": context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you")
            return bytes([8, 2 if service == "broken" else 1])
        handler = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {
            "Check": grpc.unary_unary_rpc_method_handler(answer)})
        server = grpc.server(futures.ThreadPoolExecutor(2))
        if sys.argv[2] != "none": server.add_generic_rpc_handlers((handler,))
        if len(sys.argv) > 3:
            server.add_secure_port("localhost:" + sys.argv[1], grpc.ssl_server_credentials(
                [(open(sys.argv[4], "rb").read(), open(sys.argv[3], "rb").read())]))
        else:
            server.add_insecure_port("127.0.0.1:" + sys.argv[1])
        server.start()
        server.wait_for_termination()
        """

    private func server(_ port: UInt16, _ arguments: [String]) async throws -> ChildProcess {
        let process = try ChildProcess("/usr/bin/python3", ["-c", Self.program, "\(port)"] + arguments)
        let isUp = await waitUntil { !process.isRunning || accepts(port: port) }
        guard isUp, process.isRunning else { throw TestSupportError(process.errorOutput) }
        return process
    }

    private func check(
        _ address: String,
        _ service: String = "",
        deadline: Duration = .seconds(2),
        _ change: (inout GRPCCheckConfiguration) -> Void = { _ in }
    ) async throws -> CheckResult {
        var configuration = GRPCCheckConfiguration(address: address)
        configuration.service = service
        change(&configuration)
        let check = try GRPCCheck(name: "api", configuration, in: fixture.environment)
        return await check.check(deadline: deadline)
    }

    @Test
    func `every answer of a real server has its reason`() async throws {
        let port = try freePort()
        let process = try await server(port, ["health"])
        let address = "127.0.0.1:\(port)"
        let up = try await check(address)
        #expect(up.verdict == .up, "\(up.text)")
        #expect(up.value("probe_grpc_status_code") == 0)
        #expect(up.value("probe_grpc_healthcheck_response", ["serving_status": "SERVING"]) == 1)
        #expect(try await check(address, "fine").verdict == .up)
        let broken = try await check(address, "broken")
        #expect(broken.reason == .queryFailed)
        #expect(broken.text == "NOT_SERVING")
        #expect(broken.value("probe_grpc_healthcheck_response", ["serving_status": "NOT_SERVING"]) == 1)
        let unknown = try await check(address, "unknown")
        #expect(unknown.reason == .missing)
        #expect(unknown.value("probe_grpc_status_code") == 5)
        #expect(try await check(address, "secret").reason == .auth)
        process.send(SIGSTOP)
        let start = ContinuousClock.now
        #expect(try await check(address, deadline: .milliseconds(200)).reason == .timeout)
        #expect(ContinuousClock.now - start < .milliseconds(250))
        process.send(SIGCONT)
        await process.stop(SIGKILL)
        #expect(try await check(address).reason == .connectRefused)
        let other = try await server(port, ["none"])
        #expect(try await check(address).reason == .missing, "UNIMPLEMENTED")
        await other.stop(SIGKILL)
    }

    @Test
    func `over TLS, and a server that speaks no gRPC`() async throws {
        let certificates = try await TestCertificates()
        let (certificate, key) = try await certificates.make("server")
        let port = try freePort()
        let process = try await server(port, ["health", certificate, key])
        var configuration = GRPCCheckConfiguration(address: "localhost:\(port)")
        configuration.usesTLS = true
        configuration.tls.caFile = certificates.authority
        let kept = try GRPCCheck(name: "api", configuration, in: fixture.environment)
        for _ in 0..<2 {
            let good = await kept.check(deadline: .seconds(2))
            #expect(good.verdict == .up, "\(good.text)")
            #expect(good.value("probe_grpc_ssl") == 1)
            #expect(good.value("probe_ssl_earliest_cert_expiry") != nil, "on a kept connection, too")
            #expect(good.value("probe_tls_version_info", ["version": "TLS 1.3"]) == 1)
        }
        kept.close()
        #expect(try await check("localhost:\(port)") { $0.usesTLS = true }.reason == .tls)
        await process.stop(SIGKILL)
        let plain = try TCPServer { connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            connection.waitForEnd()
        }
        let wrong = try await check("127.0.0.1:\(plain.port)")
        #expect(!wrong.isUp)
        #expect(
            wrong.reason == .protocolError || wrong.reason == .connectionReset,
            "\(String(describing: wrong.reason))"
        )
    }
}
