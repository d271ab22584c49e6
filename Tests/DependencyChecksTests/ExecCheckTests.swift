// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import Foundation
import HealthChecks
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ExecCheckTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    private func run(
        _ script: String,
        deadline: Duration = .seconds(5),
        _ change: (inout ExecCheckConfiguration) -> Void = { _ in }
    ) async throws -> CheckResult {
        var configuration = ExecCheckConfiguration(path: "/bin/sh")
        configuration.arguments = ["-c", script]
        change(&configuration)
        return await (try ExecCheck(name: "plugin", configuration, in: fixture.environment)).check(deadline: deadline)
    }

    @Test
    func `exit statuses are verdicts, and what was measured is series`() async throws {
        let good = try await run(
            #"echo "DISK OK - fine | /=2643MB;5948;5958;0;5968 'a b''c'=1.5s;;;; used=50% n=7c bad=x""#
        )
        #expect(good.verdict == .up, "\(good.text)")
        #expect(good.value("exec_exit_status") == 0)
        #expect(good.value("exec_perfdata_value", ["label": "/", "unit": "bytes"]) == 2_643e6)
        #expect(good.value("exec_perfdata_warning", ["label": "/"]) == 5_948e6)
        #expect(good.value("exec_perfdata_max", ["label": "/"]) == 5_968e6)
        #expect(good.value("exec_perfdata_value", ["label": "used", "unit": "percent"]) == 50)
        #expect(good.value("exec_perfdata_value", ["label": "n"]) == 7)
        #expect(good.value("exec_perfdata_value", ["label": "a b'c", "unit": "seconds"]) == 1.5)
        #expect(good.value("exec_perfdata_value", ["label": "bad"]) == nil)
        let warning = try await run("echo 'WARN - nearly'; exit 1")
        #expect(warning.verdict == .degraded)
        #expect(warning.text == "WARN - nearly")
        #expect(try await run("exit 2").reason == .exitStatus)
        #expect(try await run("exit 3").verdict == .undetermined)
        #expect(try await run("exit 4").verdict == .down)
        #expect(try await run("kill -9 $$").text == "ended by signal 9")
        #expect(try await run("") { $0.path = "/no/such/program" }.reason == .missing)
        #expect(try await run("") { $0.path = "/etc/passwd" }.reason == .permission)
    }

    @Test
    func `the deadline kills the whole group, and output has a limit`() async throws {
        let directory = try TemporaryDirectory("exec")
        let file = directory.path("child")
        let start = ContinuousClock.now
        let late = try await run("sleep 60 & echo $! > \(file); wait", deadline: .milliseconds(300))
        #expect(late.reason == .timeout)
        #expect(ContinuousClock.now - start < .milliseconds(350))
        let child = try #require(Int32(directory.read("child").trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(await waitUntil { isGone(child) }, "the program's child died with it")
        let left = try await run("sleep 60 > /dev/null & echo $! > \(file)")
        #expect(left.verdict == .up)
        let orphan = try #require(Int32(directory.read("child").trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(await waitUntil { isGone(orphan) }, "what it left behind, too")
        let loud = try await run("head -c 3000000 /dev/zero | tr '\\0' x")
        #expect(loud.verdict == .up, "read to the end, kept in part: \(loud.text)")
    }

    @Test
    func `no shell, no inherited environment, a directory of its own`() async throws {
        unsafe setenv("SIDECAR_TEST_SECRET", "s3cret", 1)
        let result = try await run(#"echo "$SIDECAR_TEST_SECRET:$GIVEN:$(pwd):$1"; exit 1"#) {
            $0.arguments += ["zero", "$(id)"]
            $0.environment = [("GIVEN", "yes")]
            $0.directory = "/usr"
        }
        #expect(result.text == ":yes:/usr:$(id)")
        #expect(throws: CheckConfigurationError.self) {
            try ExecCheck(name: "plugin", ExecCheckConfiguration(path: "relative"), in: fixture.environment)
        }
    }

    private func isGone(_ process: Int32) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return true }
        return text.contains(") Z ")
    }
}
