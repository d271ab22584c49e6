// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import Foundation
import HealthChecks
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct RedisCheckTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    @Test
    func `a healthy server yields the exporter's series, each once`() async throws {
        let server = try await RedisServer(["--maxmemory", "64mb", "--maxclients", "77"])
        try await server.command(["SET", "a", "1"])
        try await server.command(["GET", "a"])
        try await server.command(["GET", "nothing"])
        try await server.command(["NONSENSE"])
        let check = try fixture.redis(server.url)
        _ = await check.check(deadline: .seconds(2))
        let result = await check.check(deadline: .seconds(2))
        #expect(result.verdict == .up, "\(result.text)")
        #expect(result.value("redis_up") == 1)
        #expect(result.value("redis_max_clients") == 77)
        #expect(result.value("redis_memory_max_bytes") == 67_108_864)
        #expect(result.value("redis_keyspace_hits_total") == 1)
        #expect(result.value("redis_keyspace_misses_total") == 1)
        #expect(result.value("redis_db_keys", ["db": "db0"]) == 1)
        #expect(result.value("redis_commands_total", ["cmd": "get"]) == 2)
        #expect(result.value("redis_errors_total", ["err": "ERR"]) == 1)
        #expect(result.value("redis_rdb_last_bgsave_status") == 1)
        #expect(result.value("redis_slowlog_length") == 0)
        #expect(result.value("redis_instance_info", ["role": "master"]) == 1)
        let keys = result.samples.map { "\($0.name)\($0.labels.map { $0.name + $0.value })" }
        #expect(Set(keys).count == keys.count)
        await server.stop()
    }

    @Test
    func `slow commands, latency, evictions and waiting clients are measured`() async throws {
        let server = try await RedisServer([
            "--maxmemory", "2mb", "--maxmemory-policy", "allkeys-lru", "--latency-monitor-threshold", "1",
            "--slowlog-log-slower-than", "5000", "--enable-debug-command", "yes",
        ])
        let check = try fixture.redis(server.url)
        let calm = await check.check(deadline: .seconds(2))
        #expect(calm.value("redis_slowlog_length") == 0)
        #expect(calm.value("redis_evicted_keys_total") == 0)
        #expect(calm.value("redis_blocked_clients") == 0)
        try await server.command(["DEBUG", "SLEEP", "0.02"])
        try await server.command([
            "EVAL", "for i = 1, 20000 do redis.call('SET', 'key' .. i, string.rep('x', 200)) end", "0",
        ])
        let waiter = try ChildProcess("redis-cli", ["-p", "\(server.port)", "BLPOP", "nothing", "60"])
        #expect(await waitUntil { await check.check(deadline: .seconds(2)).value("redis_blocked_clients") == 1 })
        let seen = await check.check(deadline: .seconds(2))
        #expect(seen.verdict == .up, "what is full evicts: \(seen.text)")
        #expect(seen.value("redis_slowlog_length") ?? 0 >= 1)
        #expect(seen.value("redis_last_slow_execution_duration_seconds") ?? 0 >= 0.005)
        #expect(seen.value("redis_latency_spike_duration_seconds", ["event_name": "command"]) ?? 0 >= 0.01)
        #expect(seen.value("redis_latency_percentiles_usec", ["cmd": "debug", "quantile": "99"]) ?? 0 >= 10_000)
        #expect(seen.value("redis_evicted_keys_total") ?? 0 > 0)
        #expect(seen.value("redis_memory_max_bytes") == 2_097_152)
        await waiter.stop(SIGKILL)
        await server.stop()
    }

    @Test
    func `a server that dies is known at once, refuses, and is seen again when it is back`() async throws {
        let server = try await RedisServer()
        let check = try fixture.redis(server.url)
        #expect(await check.check(deadline: .seconds(2)).isUp)
        await server.stop()
        #expect(await waitUntil(every: .milliseconds(1)) { !fixture.edgeNames.isEmpty })
        let down = await check.check(deadline: .seconds(1))
        #expect(down.reason == .connectRefused)
        #expect(down.value("redis_up") == 0)
        try await server.start()
        #expect(await check.check(deadline: .seconds(2)).isUp)
        await server.stop()
    }

    @Test
    func `a frozen server times out within the deadline and recovers`() async throws {
        let server = try await RedisServer()
        let check = try fixture.redis(server.url)
        #expect(await check.check(deadline: .seconds(2)).isUp)
        server.suspend()
        for _ in 0..<3 {
            let start = ContinuousClock.now
            #expect(await check.check(deadline: .milliseconds(150)).reason == .timeout)
            #expect(ContinuousClock.now - start < .milliseconds(200))
        }
        server.resume()
        #expect(await check.check(deadline: .seconds(1)).isUp, "the first attempt afterwards sees it")
        await server.stop()
    }

    @Test
    func `as long as nobody else gets in, the open connection proves nothing`() async throws {
        let server = try await RedisServer(["--maxclients", "50"])
        let check = try fixture.redis(server.url) { $0.loginInterval = .milliseconds(300) }
        #expect(await check.check(deadline: .seconds(1)).isUp)
        let others = try (0..<49).map { _ in try RawConnection(port: Int(server.port)) }
        #expect(await waitUntil { await check.check(deadline: .seconds(1)).reason == .tooManyConnections })
        for _ in 0..<3 { #expect(await check.check(deadline: .seconds(1)).reason == .tooManyConnections) }
        withExtendedLifetime(others) {}
        check.close()
        await server.stop()
    }

    @Test
    func `logins are told apart and never shown`() async throws {
        let server = try await RedisServer(["--requirepass", "r1ght"])
        #expect(try await fixture.redis(server.url).check(deadline: .seconds(1)).reason == .auth)
        let wrong = try await fixture.redis("redis://:wr0ng-S3CRET@127.0.0.1:\(server.port)").check(
            deadline: .seconds(1)
        )
        #expect(wrong.reason == .auth)
        #expect(!wrong.text.contains("S3CRET"))
        #expect(
            try await fixture.redis("redis://default:r1ght@127.0.0.1:\(server.port)/3").check(deadline: .seconds(1))
                .isUp
        )
        try await server.command(["ACL", "SETUSER", "probe", "on", ">pw", "+ping", "+info"], password: "r1ght")
        let limited = try await fixture.redis("redis://probe:pw@127.0.0.1:\(server.port)").check(deadline: .seconds(1))
        #expect(limited.verdict == .up, "\(limited.text)")
        await server.stop()
    }

    @Test
    func `full, replica, busy and crowded servers have their own reasons, though some say PONG`() async throws {
        let server = try await RedisServer(["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"])
        try await server.command([
            "EVAL", "for i = 1, 100000 do redis.pcall('SET', 'key' .. i, string.rep('x', 100)) end", "0",
        ])
        let full = try await fixture.redis(server.url) { $0.canaryKey = "sidecar:canary" }.check(deadline: .seconds(2))
        #expect(full.reason == .outOfMemory, "\(full.text)")
        await server.stop()

        let replica = try await RedisServer(["--replicaof", "127.0.0.1 1"])
        #expect(try await fixture.redis(replica.url).check(deadline: .seconds(1)).verdict == .degraded)
        #expect(
            try await fixture.redis(replica.url) { $0.requiresWritable = true }.check(deadline: .seconds(1)).reason
                == .readOnly
        )
        #expect(
            try await fixture.redis(replica.url) { $0.canaryKey = "k" }.check(deadline: .seconds(1)).reason == .readOnly
        )
        try await replica.command(["CONFIG", "SET", "replica-serve-stale-data", "no"])
        #expect(try await fixture.redis(replica.url).check(deadline: .seconds(1)).reason == .primaryDown)
        await replica.stop()

        let busy = try await RedisServer(["--busy-reply-threshold", "50"])
        let script = try ChildProcess("redis-cli", ["-p", "\(busy.port)", "EVAL", "while true do end", "0"])
        #expect(try await waitUntil { try await fixture.redis(busy.url).check(deadline: .seconds(1)).reason == .busy })
        await script.stop(SIGKILL)
        await busy.stop()

        let crowded = try await RedisServer(["--maxclients", "1"])
        let only = try fixture.redis(crowded.url)
        // The server may still count the connection that saw it start.
        #expect(await waitUntil { await only.check(deadline: .seconds(1)).isUp })
        let late = try await fixture.redis(crowded.url).check(deadline: .seconds(1))
        #expect(late.reason == .tooManyConnections, "\(late.text)")
        only.close()
        await crowded.stop()
    }

    @Test
    func `a server that cannot save says so on PING`() async throws {
        let server = try await RedisServer(["--save", "1 1", "--dbfilename", "dump.rdb"])
        // It listens before it looks for the file to load, which must not be the directory yet.
        try await server.command(["PING"])
        // Where the file should go there is a directory that is not empty.
        try server.directory.write("", to: "dump.rdb/blocked")
        try await server.command(["SET", "a", "1"])
        try await server.command(["BGSAVE"])
        let check = try fixture.redis(server.url)
        #expect(
            await waitUntil(deadline: .seconds(8)) {
                await check.check(deadline: .seconds(1)).reason == .persistenceFailed
            }
        )
        await server.stop(SIGKILL)
    }

    @Test
    func `a server that loads its data says so`() async throws {
        let server = try await RedisServer(["--save", "", "--enable-debug-command", "yes"])
        try await server.command(["DEBUG", "POPULATE", "20000"])
        try await server.command(["SAVE"])
        await server.stop()
        try await server.start(["--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024"])
        #expect(try await fixture.redis(server.url).check(deadline: .seconds(1)).reason == .loading)
        await server.stop(SIGKILL)
    }

    @Test
    func `a peer that is no Redis is a protocol error`() async throws {
        let server = try TCPServer { connection in
            connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.waitForEnd()
        }
        #expect(
            try await fixture.redis("redis://127.0.0.1:\(server.port)").check(deadline: .seconds(1)).reason
                == .protocolError
        )
    }

    @Test(arguments: ["http://x", "redis://h:99999", "redis://h/notanumber", "unix:relative", "redis://%zz@h"])
    func `an address that cannot be read is refused`(url: String) {
        #expect(throws: CheckConfigurationError.self) { try fixture.redis(url) }
    }
}
