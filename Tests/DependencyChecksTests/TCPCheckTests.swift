// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import HealthChecks
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct TCPCheckTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    @Test
    func `a conversation is held step by step`() async throws {
        let server = try TCPServer { connection in
            connection.send("220 hello\r\n")
            while let line = connection.readLine() { connection.send("250 \(line)\r\n") }
        }
        let good = try check(server.port, [.expect("^220 [a-z]+\r\n"), .send("EHLO x\r\n"), .expect("250 EHLO x")])
        let result = await good.check(deadline: .seconds(1))
        #expect(result.verdict == .up, "\(result.text)")
        #expect(result.value("probe_success") == 1)
        let wrong = try check(server.port, [.expect("^500")])
        let start = ContinuousClock.now
        let failed = await wrong.check(deadline: .milliseconds(100))
        #expect(failed.reason == .timeout)
        #expect(failed.value("probe_success") == 0)
        #expect(ContinuousClock.now - start < .milliseconds(150))
    }

    @Test
    func `refused, reset, closed and unknown peers have their own reasons`() async throws {
        #expect(try await check(freePort(), []).check(deadline: .seconds(1)).reason == .connectRefused)
        let resetting = try TCPServer { $0.resetOnClose() }
        #expect(try await check(resetting.port, [.expect("x")]).check(deadline: .seconds(1)).reason == .connectionReset)
        let closing = try TCPServer { _ in }
        #expect(try await check(closing.port, [.expect("x")]).check(deadline: .seconds(1)).reason == .connectionReset)
        let unknown = try TCPCheck(
            name: "port",
            TCPCheckConfiguration(address: "no-such-host.invalid:1"),
            in: fixture.environment
        )
        #expect(await unknown.check(deadline: .seconds(5)).reason == .dns)
    }

    @Test(arguments: ["", "host", "host:", "host:0", "host:99999", "a b:1", "1:2:3"])
    func `an address that cannot be read is refused`(address: String) {
        #expect(throws: CheckConfigurationError.self) {
            try TCPCheck(name: "port", TCPCheckConfiguration(address: address), in: fixture.environment)
        }
    }

    private func check(_ port: UInt16, _ steps: [TCPCheckConfiguration.Step]) throws -> TCPCheck {
        var configuration = TCPCheckConfiguration(address: "127.0.0.1:\(port)")
        configuration.steps = steps
        return try TCPCheck(name: "port", configuration, in: fixture.environment)
    }
}
