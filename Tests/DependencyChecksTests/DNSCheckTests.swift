// SPDX-License-Identifier: Apache-2.0

import DNSClient
import DependencyChecks
import Glibc
import HealthChecks
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct DNSCheckTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    @Test
    func `a real name server's answers are told apart`() async throws {
        let port = try freePort()
        let long = (0..<40).map { "--txt-record=long.test,\($0)-" + String(repeating: "x", count: 200) }
        let server = try ChildProcess(
            "dnsmasq",
            [
                "--keep-in-foreground", "--no-resolv", "--no-hosts", "--no-daemon", "--conf-file=/dev/null",
                "--port=\(port)", "--listen-address=127.0.0.1", "--bind-interfaces", "--local=/test/",
                "--host-record=a.test,10.1.2.3,fd00::1", "--mx-host=a.test,mail.test,10",
                "--srv-host=_x._tcp.test,a.test,8080,1,2", "--cname=alias.test,a.test",
            ] + long
        )
        #expect(await waitUntil { accepts(port: port) })
        let a = try await check(port, "a.test")
        #expect(a.verdict == .up, "\(a.text)")
        #expect(a.value("probe_dns_answer_rrs") == 1)
        #expect(a.value("probe_dns_query_succeeded") == 1)
        #expect(try await check(port, "a.test") { $0.expect = ["^10\\.1\\.2\\.3$"] }.verdict == .up)
        let wrong = try await check(port, "a.test") { $0.expect = ["^10\\.9"] }
        #expect(wrong.reason == .bodyMismatch)
        #expect(wrong.value("probe_failed_due_to_regex") == 1)
        #expect(try await check(port, "a.test") { $0.usesTCP = true }.verdict == .up)
        #expect(try await check(port, "a.test") { ($0.type, $0.expect) = (.aaaa, ["^fd00::1$"]) }.isUp)
        #expect(try await check(port, "a.test") { ($0.type, $0.expect) = (.mx, ["^10 mail.test.$"]) }.isUp)
        #expect(try await check(port, "_x._tcp.test") { ($0.type, $0.expect) = (.srv, ["^1 2 8080 a.test.$"]) }.isUp)
        #expect(try await check(port, "alias.test") { ($0.type, $0.expect) = (.cname, ["^a.test.$"]) }.isUp)
        #expect(try await check(port, "alias.test") { $0.expect = ["^10"] }.isUp, "past the alias")
        let big = try await check(port, "long.test") { ($0.type, $0.expect) = (.txt, ["^39-x+$"]) }
        #expect(big.verdict == .up, "cut in a datagram, whole over TCP: \(big.text)")
        #expect(big.value("probe_dns_answer_rrs") == 40)
        #expect(try await check(port, "nothing.test").reason == .missing)
        #expect(try await check(port, "elsewhere.example").reason == .permission, "REFUSED")
        server.send(SIGSTOP)
        let start = ContinuousClock.now
        #expect(try await check(port, "a.test", deadline: .milliseconds(200)).reason == .timeout)
        #expect(ContinuousClock.now - start < .milliseconds(250))
        server.send(SIGCONT)
        await server.stop(SIGKILL)
        #expect(try await check(port, "a.test").reason == .connectRefused)
    }

    @Test(arguments: ["", "a b", "x..y"])
    func `a name that cannot be asked for is no crash`(name: String) async throws {
        let port = try freePort()
        do {
            #expect(!(try await check(port, name)).isUp)
        } catch is CheckConfigurationError {}
    }

    private func check(
        _ port: UInt16,
        _ name: String,
        deadline: Duration = .seconds(2),
        _ change: (inout DNSCheckConfiguration) -> Void = { _ in }
    ) async throws -> CheckResult {
        var configuration = DNSCheckConfiguration(name: name)
        configuration.server = "127.0.0.1:\(port)"
        change(&configuration)
        return await (try DNSCheck(name: "name", configuration, in: fixture.environment)).check(deadline: deadline)
    }
}
