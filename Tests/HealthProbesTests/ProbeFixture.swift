// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import HealthProbes

/// A registry with one critical check, one that depends on it, and an advisory one, at a time that stands still.
struct ProbeFixture {
    static let start = HealthTime(uptime: .seconds(100), unixMilliseconds: 1_777_000_000_000)
    static let now = HealthTime(uptime: .seconds(160), unixMilliseconds: 1_777_000_060_000)

    let registry: HealthRegistry
    let responder: ProbeResponder

    init(checks: Bool = true) throws {
        registry = HealthRegistry(version: "1.2.3", startedAt: Self.start)
        responder = ProbeResponder(
            registry: registry,
            clock: HealthClock { Self.now },
            memory: { ProbeResponder.Memory(residentBytes: 1_000, virtualBytes: 2_000) }
        )
        guard checks else { return }
        let once = CheckSettings(fall: 1, rise: 1)
        let advisory = CheckSettings(fall: 1, rise: 1, policy: .advisory)
        let dependent = CheckSettings(fall: 1, rise: 1, dependsOn: ["database"])
        try registry.configure(
            [
                CheckDescriptor(name: "database", kind: "postgres", instance: "10.0.0.5:5432", settings: once),
                CheckDescriptor(name: "mail", kind: "tcp", instance: "mail:25", settings: advisory),
                CheckDescriptor(name: "app", kind: "http", instance: "127.0.0.1:8080", settings: dependent),
            ],
            at: Self.start
        )
        registry.setPhase(.serving, at: Self.start)
        for name in ["database", "mail", "app"] {
            registry.record(.up(duration: .microseconds(1_500)), for: name, at: Self.now)
        }
    }

    func fail(_ name: String, _ reason: HealthReason = .connectRefused, _ text: String = "secret host\nrefused") {
        registry.record(.down(reason, text, duration: .milliseconds(2)), for: name, at: Self.now)
    }

    func ask(
        _ target: String,
        method: String = "GET",
        accept: String? = nil,
        details: Bool = false
    ) -> ProbeAnswer? {
        responder.answer(method: method, target: target, accept: accept, details: details)
    }
}
