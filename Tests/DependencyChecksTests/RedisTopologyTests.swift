// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import Foundation
import HTTPClient
import HealthChecks
import TestSupport
import Testing

/// Redis with a replica, under Sentinel, as a cluster, and over TLS.
@Suite(.timeLimit(.minutes(3)))
struct RedisTopologyTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    @Test
    func `a replica's link and lag are known at both ends, and the Sentinel sees the primary die`() async throws {
        let primary = try await RedisServer(["--repl-diskless-sync-delay", "0"])
        let replica = try await RedisServer(["--replicaof", "127.0.0.1 \(primary.port)"])
        let far = try fixture.redis(replica.url)
        let near = try fixture.redis(primary.url)
        #expect(await waitUntil { await far.check(deadline: .seconds(1)).value("redis_master_link_up") == 1 })
        #expect(await far.check(deadline: .seconds(1)).verdict == .up)
        let labels: KeyValuePairs = ["slave_state": "online"]
        let isLagKnown = await waitUntil {
            await near.check(deadline: .seconds(1)).value("redis_connected_slave_lag_seconds", labels) ?? 9 <= 1
        }
        #expect(isLagKnown)

        let sentinel = try await SentinelServer(of: primary)
        let watch = try fixture.redis(sentinel.url) { $0.mode = .sentinel }
        let isKnown = await waitUntil(deadline: .seconds(15)) {
            await watch.check(deadline: .seconds(1)).value("redis_sentinel_master_slaves", ["master_name": "main"]) == 1
        }
        #expect(isKnown)
        let good = await watch.check(deadline: .seconds(1))
        #expect(good.verdict == .up, "\(good.text)")
        #expect(good.value("redis_sentinel_masters") == 1)
        primary.suspend()
        let isSeen = await waitUntil(deadline: .seconds(5)) {
            await watch.check(deadline: .seconds(1)).reason == .primaryDown
        }
        #expect(isSeen)
        await primary.stop()
        #expect(await waitUntil { await far.check(deadline: .seconds(1)).value("redis_master_link_up") != 1 })
        await sentinel.process.stop(SIGKILL)
        await replica.stop()
    }

    @Test
    func `a cluster that lacks slots is down, and says how many it has`() async throws {
        let server = try await RedisServer(["--cluster-enabled", "yes", "--cluster-require-full-coverage", "yes"])
        let check = try fixture.redis(server.url) { $0.mode = .cluster }
        let lacking = await check.check(deadline: .seconds(1))
        #expect(lacking.reason == .clusterDown, "\(lacking.text)")
        #expect(lacking.value("redis_cluster_slots_assigned") == 0)
        try await server.command(["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])
        #expect(await waitUntil { await check.check(deadline: .seconds(1)).verdict == .up })
        let whole = await check.check(deadline: .seconds(1))
        #expect(whole.value("redis_cluster_slots_assigned") == 16_384)
        #expect(whole.value("redis_cluster_state") == 1)
        try await server.command(["CLUSTER", "DELSLOTS", "7"])
        #expect(await waitUntil { await check.check(deadline: .seconds(1)).reason == .clusterDown })
        await server.stop()
    }

    @Test
    func `a cluster that loses a primary is down until a replica takes over, and says so at every node`() async throws {
        let cluster = try await RedisCluster()
        let first = try fixture.redis(cluster.nodes[0].url) { $0.mode = .cluster }
        let whole = await first.check(deadline: .seconds(1))
        #expect(whole.verdict == .up, "\(whole.text)")
        #expect(whole.value("redis_cluster_known_nodes") == 6)
        #expect(whole.value("redis_cluster_slots_ok") == 16_384)
        let lost = cluster.nodes[1]
        var replica: RedisServer?
        for node in cluster.nodes[3...] {
            let role = try await node.command(["INFO", "replication"])
            if role.contains("master_port:\(lost.port)") { replica = node }
        }
        let heir = try fixture.redis(try #require(replica).url) { $0.mode = .cluster }
        #expect(await heir.check(deadline: .seconds(1)).value("redis_instance_info", ["role": "slave"]) == 1)

        await lost.stop()
        var worst: CheckResult?
        let isSeen = await waitUntil(deadline: .seconds(5), every: .milliseconds(5)) {
            let result = await first.check(deadline: .seconds(1))
            if result.reason == .clusterDown { worst = result }
            return worst != nil
        }
        #expect(isSeen)
        #expect(worst?.value("redis_cluster_slots_fail") ?? 0 > 0, "\(worst?.text ?? "")")
        let isBack = await waitUntil(deadline: .seconds(10)) { await first.check(deadline: .seconds(1)).verdict == .up }
        #expect(isBack)
        #expect(await first.check(deadline: .seconds(1)).value("redis_cluster_slots_ok") == 16_384)
        let promoted = await heir.check(deadline: .seconds(1))
        #expect(promoted.verdict == .up, "\(promoted.text)")
        #expect(promoted.value("redis_instance_info", ["role": "master"]) == 1)
        #expect(
            try await fixture.redis(lost.url) { $0.mode = .cluster }.check(deadline: .seconds(1)).reason
                == .connectRefused
        )

        // who comes back serves as a replica, and is told from a primary where writing is asked for
        try await lost.start()
        let returned = try fixture.redis(lost.url) {
            $0.mode = .cluster
            $0.requiresWritable = true
        }
        #expect(await waitUntil { await returned.check(deadline: .seconds(1)).reason == .readOnly })
        await cluster.stop()
    }

    @Test
    func `TLS and a client's certificate are asked for, and what is wrong with them is told`() async throws {
        let certificates = try await TestCertificates()
        try await certificates.makeAuthority("stranger")
        let (certificate, key) = try await certificates.make("server", names: "DNS:localhost")
        let client = try await certificates.make("client", names: "DNS:client")
        let port = try freePort()
        let server = try ChildProcess(
            "redis-server",
            [
                "--port", "0", "--tls-port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--tls-cert-file",
                certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificates.authority, "--tls-auth-clients",
                "yes", "--dir", certificates.directory.path,
            ]
        )
        #expect(await waitUntil { accepts(port: port) })
        func result(_ host: String, _ change: (inout TLSOptions) -> Void) async throws -> CheckResult {
            let check = try fixture.redis("rediss://\(host):\(port)") {
                $0.tls.caFile = certificates.authority
                $0.tls.certificateFile = client.certificate
                $0.tls.keyFile = client.key
                change(&$0.tls)
            }
            defer { check.close() }
            return await check.check(deadline: .seconds(2))
        }
        let good = try await result("localhost") { _ in }
        #expect(good.verdict == .up, "\(good.text)")
        #expect(try await result("127.0.0.1") { _ in }.reason == .tls, "another name")
        #expect(
            try await result("localhost") { $0.caFile = certificates.directory.path("stranger.pem") }.reason == .tls
        )
        let anonymous = try await result("localhost") { ($0.certificateFile, $0.keyFile) = (nil, nil) }
        #expect(anonymous.verdict == .down, "the server wants a certificate")
        #expect(try await result("localhost") { $0.keyFile = "/no/such.key" }.reason == .misconfigured)
        let plain = await (try fixture.redis("redis://localhost:\(port)")).check(deadline: .seconds(1))
        #expect(plain.verdict == .down)
        await server.stop(SIGKILL)
    }
}
