// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import HealthChecks
import TestSupport
import Testing

/// Addresses where nobody answers at all, for every check that connects.
@Suite(.timeLimit(.minutes(1)))
struct UnreachableTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    private func checks(_ port: UInt16) throws -> [any DependencyCheck] {
        let (environment, address) = (fixture.environment, "127.0.0.1:\(port)")
        return [
            try HTTPCheck(name: "http", HTTPCheckConfiguration(url: "http://\(address)/"), in: environment),
            try TCPCheck(name: "tcp", TCPCheckConfiguration(address: address), in: environment),
            try PostgresCheck(
                name: "postgres",
                PostgresCheckConfiguration(dsn: "postgresql://u@\(address)/d"),
                in: environment
            ),
            try RedisCheck(name: "redis", RedisCheckConfiguration(url: "redis://\(address)"), in: environment),
            try MemcachedCheck(name: "memcached", MemcachedCheckConfiguration(address: address), in: environment),
            try GRPCCheck(name: "grpc", GRPCCheckConfiguration(address: address), in: environment),
            try TCPCheck(name: "smtp", smtp: SMTPCheckConfiguration(address: address), in: environment),
            try QueueCheck(
                name: "queue",
                QueueCheckConfiguration(queue: "q", source: .redis(.init(url: "redis://\(address)", waiting: "k"))),
                in: environment
            ),
        ]
    }

    @Test func `who takes no connection is told from who takes it and is silent`() async throws {
        let (full, silent) = (try FullListener(), try TCPServer { $0.waitForEnd() })
        for (port, expected) in [(full.port, HealthReason.connectTimeout), (silent.port, .timeout)] {
            for check in try checks(port) where expected == .connectTimeout || check.name != "tcp" {
                let start = ContinuousClock.now
                let result = await check.check(deadline: .milliseconds(150))
                #expect(result.reason == expected, "\(check.name): \(result.text)")
                #expect(ContinuousClock.now - start < .milliseconds(200), "\(check.name)")
                check.close()
            }
        }
        withExtendedLifetime(full) {}
    }

    @Test func `who refuses is told by every check`() async throws {
        for check in try checks(try freePort()) {
            let result = await check.check(deadline: .seconds(1))
            #expect(result.reason == .connectRefused, "\(check.name): \(result.text)")
            check.close()
        }
    }
}
