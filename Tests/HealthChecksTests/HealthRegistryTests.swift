// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import Testing

@Suite struct HealthRegistryTests {
    private func registry(_ checks: [CheckDescriptor]) throws -> HealthRegistry {
        let registry = HealthRegistry(version: "1", startedAt: at(0))
        try registry.configure(checks, at: at(0))
        registry.setPhase(.serving, at: at(0))
        return registry
    }

    private func check(
        _ name: String,
        policy: CheckSettings.Policy = .critical,
        dependsOn: [String] = []
    ) -> CheckDescriptor {
        let settings = CheckSettings(fall: 1, rise: 1, policy: policy, dependsOn: dependsOn)
        return CheckDescriptor(name: name, kind: "test", instance: "here", settings: settings)
    }

    private let up = CheckResult.up(duration: .milliseconds(2))
    private let down = CheckResult.down(.connectRefused, "no answer from 10.0.0.1", duration: .milliseconds(1))

    @Test func readinessFollowsPhaseAndCriticalChecks() throws {
        let registry = HealthRegistry(version: "1", startedAt: at(0))
        #expect(registry.snapshot.readinessFailure(at: .zero) == .notStarted)
        try registry.configure([check("db"), check("mail", policy: .advisory)], at: at(0))
        registry.setPhase(.serving, at: at(0))
        #expect(registry.snapshot.readinessFailure(at: .zero) == .pending)
        registry.record(up, for: "db", at: at(1))
        #expect(registry.snapshot.readinessFailure(at: .milliseconds(1)) == nil, "an advisory check does not matter")
        #expect(registry.snapshot.overall == .degraded)
        registry.record(up, for: "mail", at: at(1))
        #expect(registry.snapshot.overall == .healthy)
        registry.record(down, for: "db", at: at(2))
        #expect(registry.snapshot.readinessFailure(at: .milliseconds(2)) == .connectRefused)
        registry.record(up, for: "db", at: at(3))
        registry.setPhase(.draining, at: at(4))
        registry.setPhase(.serving, at: at(5))
        #expect(registry.snapshot.readinessFailure(at: .milliseconds(5)) == .draining, "draining is final")
        registry.cancelDrain(at: at(6))
        #expect(registry.snapshot.readinessFailure(at: .milliseconds(6)) == nil)
    }

    @Test func readinessEndsByItselfWhenNothingIsRecordedAnyMore() throws {
        let registry = try registry([check("db")])
        registry.record(up, for: "db", at: at(0))
        let snapshot = registry.snapshot
        #expect(snapshot.readinessFailure(at: .milliseconds(6_999)) == nil)
        #expect(snapshot.readinessFailure(at: .milliseconds(7_000)) == .stale)
        #expect(registry.refresh(at: at(7_000)).map(\.check) == ["db"])
        #expect(registry.snapshot.check(named: "db")?.state == .unknown)
    }

    @Test func theRootCauseIsNamedAndItsReasonLeads() throws {
        let registry = try registry([check("a-page", dependsOn: ["database"]), check("database")])
        registry.record(.down(.statusCode, "500", duration: .zero), for: "a-page", at: at(1))
        registry.record(down, for: "database", at: at(1))
        #expect(registry.snapshot.check(named: "a-page")?.rootCauses == ["database"])
        #expect(registry.snapshot.readinessFailure(at: .milliseconds(1)) == .connectRefused)
    }

    @Test func aReloadKeepsTheStateOfUnchangedChecks() throws {
        let registry = try registry([check("db"), check("old")])
        registry.record(up, for: "db", at: at(1))
        try registry.configure([check("db"), check("new")], at: at(2))
        #expect(registry.snapshot.checks.map(\.name) == ["db", "new"])
        #expect(registry.snapshot.check(named: "db")?.state == .healthy)
        #expect(registry.snapshot.check(named: "new")?.state == .unknown)
        registry.record(up, for: "old", at: at(3))
        #expect(registry.snapshot.unmatchedResults == 1)
        #expect(throws: DependencyGraph.Problem.self) {
            try registry.configure([check("x", dependsOn: ["y"])], at: at(4))
        }
        #expect(registry.snapshot.checks.count == 2, "a wrong configuration changes nothing")
    }

    @Test func theGenerationChangesOnlyWithWhatProbesShow() throws {
        let registry = try registry([check("db")])
        registry.record(up, for: "db", at: at(1))
        let generation = registry.snapshot.generation
        for step in 2..<50 { registry.record(up, for: "db", at: at(Int64(step))) }
        #expect(registry.snapshot.generation == generation)
        registry.record(down, for: "db", at: at(50))
        #expect(registry.snapshot.generation == generation + 1)
    }

    @Test func failuresAreKeptWithinBounds() throws {
        let registry = try registry([check("db")])
        for step in 0..<100 {
            let text = String(repeating: "ä", count: 600)
            registry.record(.down(.timeout, text, duration: .zero), for: "db", at: at(Int64(step)))
        }
        let status = try #require(registry.snapshot.check(named: "db"))
        #expect(status.recentFailures.count == 16)
        #expect(status.recentFailures.map(\.unixMilliseconds) == (84..<100).map { 1_800_000_000_000 + $0 })
        #expect(status.recentFailures.allSatisfy { $0.text.utf8.count <= 512 })
        #expect(status.failedAttempts == 100)
    }

    @Test func everyCheckHasTheCommonSeries() throws {
        let registry = try registry([check("db")])
        func rendered() throws -> [String] {
            let status = try #require(registry.snapshot.check(named: "db"))
            return HealthSeries.samples(of: status).map { sample in
                let labels = sample.labels.map { "{\($0.name)=\"\($0.value)\"}" }.joined()
                return "\(sample.name)\(labels) \(sample.value)"
            }
        }
        #expect(
            try rendered() == [
                "health_check_up 0.0", "health_check_state{state=\"healthy\"} 0.0",
                "health_check_state{state=\"degraded\"} 0.0", "health_check_state{state=\"unknown\"} 1.0",
                "health_check_state{state=\"unhealthy\"} 0.0", "health_check_attempts_total 0.0",
                "health_check_failures_total 0.0",
            ]
        )
        registry.record(down, for: "db", at: at(1_500))
        let after = try rendered()
        #expect(after.contains("health_check_state{state=\"unhealthy\"} 1.0"))
        #expect(after.contains("health_check_last_failure{reason=\"connect_refused\"} 1800000001.5"))
        #expect(after.contains("health_check_duration_seconds 0.001"))
        registry.record(up, for: "db", at: at(2_000))
        #expect(try rendered().first == "health_check_up 1.0")
    }
}
