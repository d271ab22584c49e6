// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import HealthChecks
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct HTTPCheckTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    @Test
    func `an answer as expected yields blackbox's series over one kept connection`() async throws {
        let receiver = try HTTPReceiver { _ in HTTPAnswer(200, #"{"status":"ok"}"#) }
        let check = try check(receiver.url + "/readyz")
        _ = await check.check(deadline: .seconds(1))
        let result = await check.check(deadline: .seconds(1))
        #expect(result.verdict == .up)
        #expect(result.value("probe_success") == 1)
        #expect(result.value("probe_http_status_code") == 200)
        #expect(result.value("probe_http_content_length") == 15)
        #expect(result.value("probe_ip_protocol") == 4)
        #expect(result.value("probe_http_version") == 1.1)
        #expect(result.samples.filter { $0.name == "probe_http_duration_seconds" }.count == 5)
        #expect(receiver.connectionCount == 1)
    }

    @Test
    func `statuses, headers, bodies and JSON are looked at`() async throws {
        let receiver = try HTTPReceiver { request in
            switch request.target {
            case "/503": HTTPAnswer(503, "no")
            case "/302": HTTPAnswer(302, "", headers: [("Location", "/")])
            default:
                HTTPAnswer(
                    200,
                    #"{"status":"ok","checks":[{"name":"db","up":true,"ms":12}]}"#,
                    headers: [("X-Mode", "live")]
                )
            }
        }
        let url = receiver.url
        #expect(try await check(url + "/503").check(deadline: .seconds(1)).reason == .statusCode)
        #expect(try await check(url + "/302").check(deadline: .seconds(1)).reason == .statusCode)
        #expect(try await check(url + "/503") { $0.status = [503] }.check(deadline: .seconds(1)).isUp)
        #expect(try await check(url + "/302") { $0.followsRedirects = true }.check(deadline: .seconds(1)).isUp)
        let lacking = try await check(url) { $0.bodyMatches = ["status.*ok", "never"] }.check(deadline: .seconds(1))
        #expect(lacking.reason == .bodyMismatch)
        #expect(lacking.value("probe_failed_due_to_regex") == 1)
        #expect(
            try await check(url) { $0.bodyForbids = ["\"ok\""] }.check(deadline: .seconds(1)).reason == .bodyMismatch
        )
        #expect(
            try await check(url) { $0.requiredHeaders = [.init(name: "x-mode", pattern: "^live$")] }.check(
                deadline: .seconds(1)
            ).isUp
        )
        #expect(
            try await check(url) { $0.requiredHeaders = [.init(name: "x-none", pattern: "")] }.check(
                deadline: .seconds(1)
            ).reason == .bodyMismatch
        )
        #expect(
            try await check(url) { $0.forbiddenHeaders = [.init(name: "x-mode", pattern: "live", allowsMissing: true)] }
                .check(deadline: .seconds(1)).reason == .bodyMismatch
        )
        let good: [HTTPCheckConfiguration.JSONCondition] = [
            .init(path: "status", equals: "ok"), .init(path: "$.checks[0].up", equals: "true"),
            .init(path: "checks[0].ms", equals: "12"), .init(path: "checks"),
        ]
        #expect(try await check(url) { $0.jsonConditions = good }.check(deadline: .seconds(1)).isUp)
        #expect(
            try await check(url) { $0.jsonConditions = [.init(path: "checks[1]")] }.check(deadline: .seconds(1)).reason
                == .bodyMismatch
        )
        #expect(
            try await check(url) { $0.jsonConditions = [.init(path: "status", equals: "no")] }.check(
                deadline: .seconds(1)
            ).reason == .bodyMismatch
        )
        #expect(try await check(url) { $0.requiresTLS = true }.check(deadline: .seconds(1)).reason == .tls)
    }

    @Test
    func `hung, slow, refusing and vanishing servers have their own reasons`() async throws {
        let receiver = try HTTPReceiver { request in
            switch request.target {
            case "/hang": HTTPAnswer(200, ending: .hang)
            case "/slow": HTTPAnswer(200, "late", delay: .milliseconds(80))
            default: HTTPAnswer(200, "x")
            }
        }
        let start = ContinuousClock.now
        let hung = try await check(receiver.url + "/hang").check(deadline: .milliseconds(150))
        #expect(hung.reason == .timeout)
        #expect(ContinuousClock.now - start < .milliseconds(250))
        #expect(
            try await check(receiver.url + "/slow") { $0.slowAfter = .milliseconds(50) }.check(deadline: .seconds(1))
                .reason == .slow
        )
        let check = try check(receiver.url)
        #expect(await check.check(deadline: .seconds(1)).isUp)
        receiver.stop()
        #expect(await waitUntil(every: .milliseconds(1)) { fixture.edgeNames.contains("ready") })
        #expect(await check.check(deadline: .seconds(1)).reason == .connectRefused)
        try receiver.start()
        #expect(await check.check(deadline: .seconds(1)).isUp)
    }

    @Test(arguments: ["ftp://x", "nonsense", ""])
    func `an address that cannot be asked is refused`(url: String) {
        #expect(throws: CheckConfigurationError.self) { try check(url) }
    }

    @Test
    func `expressions and paths are compiled when the check is made`() {
        #expect(throws: CheckConfigurationError.self) { try check("http://x") { $0.bodyMatches = ["("] } }
        #expect(throws: CheckConfigurationError.self) {
            try check("http://x") { $0.jsonConditions = [.init(path: "a[x]")] }
        }
    }

    private func check(
        _ url: String,
        _ change: (inout HTTPCheckConfiguration) -> Void = { _ in }
    ) throws -> HTTPCheck {
        var configuration = HTTPCheckConfiguration(url: url)
        change(&configuration)
        return try HTTPCheck(name: "ready", configuration, in: fixture.environment)
    }
}
