// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `web.grpc_listen`: gRPC's health service in the running sidecar, asked by Google's client and by the check of our own.
@Suite(.timeLimit(.minutes(2)))
struct GRPCHealthEndToEndTests {
    /// Asks for the names given, then watches the whole and prints every message.
    private static let client = """
        import sys, grpc
        channel = grpc.insecure_channel(sys.argv[1])
        prefix = "/grpc.health.v1.Health/"
        same = dict(request_serializer=lambda b: b, response_deserializer=lambda b: b)
        check = channel.unary_unary(prefix + "Check", **same)
        for service in ["", "livez", "readyz", "cache", "nobody"]:
            request = b"\\x0a" + bytes([len(service)]) + service.encode() if service else b""
            try: print("check", service, check(request, timeout=5).hex(), flush=True)
            except grpc.RpcError as error: print("check", service, error.code().name, flush=True)
        try:
            for message in channel.unary_stream(prefix + "Watch", **same)(b""):
                print("watch", message.hex(), flush=True)
        except grpc.RpcError as error: print("end", error.code().name, flush=True)
        """

    @Test func `readiness, liveness and each check are services; a watcher hears of changes and of the drain`()
        async throws
    {
        let redis = try await RedisServer()
        let port = try freePort()
        let sidecar = try await RunningSidecar(
            configuration: """
                health_checks:
                  - { name: cache, redis: { url: "\(redis.url)" }, interval: 200ms, fall: 1, rise: 1 }
                  - { name: self, grpc: { address: "127.0.0.1:\(port)", service: livez }, interval: 200ms, policy: advisory }
                  - { name: all, grpc: { address: "127.0.0.1:\(port)" }, interval: 200ms, fall: 1, policy: advisory }
                web: { grpc_listen: "127.0.0.1:\(port)", drain_delay: 1s }
                """
        )
        #expect(await waitUntil { await statusCode(sidecar.url + "/readyz") == 200 })
        let client = try ChildProcess("/usr/bin/python3", ["-c", Self.client, "127.0.0.1:\(port)"])
        func lines() -> [String] { client.output.split(separator: "\n").map(String.init) }
        #expect(await waitUntil(deadline: .seconds(10)) { lines().contains("watch 0801") }, "\(client.errorOutput)")
        #expect(
            lines().prefix(5) == [
                "check  0801", "check livez 0801", "check readyz 0801", "check cache 0801", "check nobody NOT_FOUND",
            ]
        )
        func value(_ expression: String) async -> Double? { try? await sidecar.query(expression).first?.value }
        #expect(await waitUntil { await value("probe_success{check=\"self\"}") == 1 })
        let serving = "probe_grpc_healthcheck_response{check=\"all\", serving_status=\"SERVING\"}"
        #expect(await waitUntil { await value(serving) == 1 })

        await redis.stop()
        #expect(await waitUntil { lines().last == "watch 0802" }, "\(lines())")
        #expect(await waitUntil { await value("probe_success{check=\"all\"}") == 0 })
        #expect(await value("probe_success{check=\"self\"}") == 1, "liveness asks no dependency")
        try await redis.start()
        #expect(await waitUntil { lines().last == "watch 0801" }, "\(lines())")

        sidecar.process.send(SIGTERM)
        #expect(await waitUntil { lines().last == "watch 0802" }, "the drain is heard at once: \(lines())")
        #expect(await client.wait(deadline: .seconds(10)) == .code(0))
        #expect(lines().last == "end UNAVAILABLE")
        #expect(await sidecar.process.wait(deadline: .seconds(10)) == .code(0))
        await redis.stop()
    }
}
