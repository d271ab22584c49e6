// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import HealthChecks

/// The checks that run now, and how a new configuration replaces them. Lives on the I/O loop's thread.
final class InputSet {
    private struct Running {
        let check: any DependencyCheck
        let fingerprint: String
    }

    private let environment: CheckEnvironment
    private var checks: [String: Running] = [:]

    init(environment: CheckEnvironment) { self.environment = environment }

    /// Replaces the checks; one whose definition did not change keeps its connection.
    func checks(_ definitions: [CheckDefinition]) throws(CheckConfigurationError) -> [CheckLoop.Entry] {
        var new: [String: Running] = [:]
        var entries: [CheckLoop.Entry] = []
        for definition in definitions {
            let running: Running
            if let known = checks[definition.name], known.fingerprint == definition.fingerprint {
                running = known
            } else {
                running = Running(
                    check: try definition.make(in: environment),
                    fingerprint: definition.fingerprint
                )
            }
            new[definition.name] = running
            entries.append(CheckLoop.Entry(check: running.check, settings: definition.settings))
        }
        for (name, running) in checks where new[name].map({ $0.check !== running.check }) ?? true {
            running.check.close()
        }
        checks = new
        return entries
    }

    /// A check for one attempt outside the schedule; whoever asked for it closes it.
    func single(
        _ definition: CheckDefinition,
        trace: (@Sendable (String) -> Void)? = nil
    ) throws(CheckConfigurationError) -> any DependencyCheck {
        var environment = environment
        environment.trace = trace
        environment.connectionClosed = { _ in }
        return try definition.make(in: environment)
    }

    func stop() {
        for running in checks.values { running.check.close() }
        checks.removeAll()
    }
}
