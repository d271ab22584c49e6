// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import Glibc
import HealthChecks
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct MemcachedCheckTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    private func server(_ port: UInt16, _ arguments: [String] = []) async throws -> ChildProcess {
        let process = try ChildProcess("memcached", ["-u", "nobody", "-l", "127.0.0.1", "-p", "\(port)"] + arguments)
        #expect(await waitUntil { accepts(port: port) })
        return process
    }

    @Test
    func `its statistics are series, and its death and freezing are known`() async throws {
        let port = try freePort()
        let process = try await server(port, ["-m", "32", "-c", "60"])
        let check = try MemcachedCheck(name: "cache", .init(address: "127.0.0.1:\(port)"), in: fixture.environment)
        let result = await check.check(deadline: .seconds(1))
        #expect(result.verdict == .up, "\(result.text)")
        #expect(result.value("memcached_up") == 1)
        #expect(result.value("memcached_limit_bytes") == 33_554_432)
        #expect(result.value("memcached_max_connections") == 60)
        #expect(result.value("memcached_commands_total", ["command": "get", "status": "miss"]) == 0)
        #expect(result.samples.contains { $0.name == "memcached_version" && $0.labels[0].value.hasPrefix("1.") })
        process.send(SIGSTOP)
        for _ in 0..<2 {
            let start = ContinuousClock.now
            #expect(await check.check(deadline: .milliseconds(150)).reason == .timeout)
            #expect(ContinuousClock.now - start < .milliseconds(200))
        }
        process.send(SIGCONT)
        #expect(await waitUntil { await check.check(deadline: .seconds(1)).isUp })
        await process.stop(SIGKILL)
        #expect(await waitUntil(every: .milliseconds(1)) { !fixture.edgeNames.isEmpty })
        let dead = await check.check(deadline: .seconds(1))
        #expect(dead.reason == .connectRefused)
        #expect(dead.value("memcached_up") == 0)
        let again = try await server(port)
        #expect(await check.check(deadline: .seconds(1)).isUp)
        await again.stop(SIGKILL)
    }

    @Test
    func `a peer that is none is a protocol error`() async throws {
        let other = try TCPServer { connection in
            connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.waitForEnd()
        }
        let check = try MemcachedCheck(
            name: "cache",
            .init(address: "127.0.0.1:\(other.port)"),
            in: fixture.environment
        )
        #expect(await check.check(deadline: .seconds(1)).reason == .protocolError)
    }
}
