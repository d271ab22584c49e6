// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks

/// A job that has to report: late is degraded, missing or failed is down.
package typealias HeartbeatCheck = ProbeCheck<HeartbeatProbe>

extension ProbeCheck where Probe == HeartbeatProbe {
    package convenience init(
        _ definition: HeartbeatDefinition,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        guard let board = environment.heartbeats else {
            throw CheckConfigurationError("heartbeats cannot be received here")
        }
        board.register(definition)
        let probe = HeartbeatProbe(definition, board: board, unixTime: environment.unixTime)
        self.init(name: definition.name, kind: "heartbeat", instance: definition.name, probe: probe, in: environment)
    }
}

/// Looks at what a job has said; asks nobody.
package final class HeartbeatProbe: CheckProbe {
    private let definition: HeartbeatDefinition
    private let board: HeartbeatBoard
    private let unixTime: @Sendable () -> Double
    private let labels: [CheckLabel]

    init(_ definition: HeartbeatDefinition, board: HeartbeatBoard, unixTime: @escaping @Sendable () -> Double) {
        self.definition = definition
        self.board = board
        self.unixTime = unixTime
        labels = [CheckLabel("name", definition.name)]
    }

    package func close() {
        board.unregister(definition)
    }

    package func begin(_ attempt: CheckAttempt) {
        let now = unixTime()
        guard let status = board.look(definition.name, at: Int64(min(max(now, 0), 9e12) * 1_000)) else {
            return attempt.finish(.undetermined(.internalError, "not registered", duration: attempt.elapsed))
        }
        let machine = status.machine
        let samples = samples(machine)
        let duration = attempt.elapsed
        switch machine.state {
        case .new: attempt.finish(.undetermined(.pending, "never heard of", duration: duration, samples: samples))
        case .up: attempt.finish(.up(duration: duration, samples: samples))
        case .grace:
            attempt.finish(.degraded(.heartbeat, "overdue, within its grace", duration: duration, samples: samples))
        case .down:
            let text = machine.isOverdue(at: now) ? "overdue beyond its grace" : "reported failure"
            attempt.finish(.down(.heartbeat, text, duration: duration, samples: samples))
        }
    }

    private func samples(_ machine: HeartbeatMachine) -> [CheckSample] {
        var samples = [
            CheckSample(Families.up, labels, machine.state == .down ? 0 : 1),
            CheckSample(Families.started, labels, machine.lastStart == nil ? 0 : 1),
            CheckSample(Families.signals, labels, Double(machine.signals)),
        ]
        if let time = machine.lastPing { samples.append(CheckSample(Families.lastPing, labels, Double(time) / 1_000)) }
        if let time = machine.dueAt { samples.append(CheckSample(Families.due, labels, Double(time) / 1_000)) }
        if let duration = machine.lastDuration {
            samples.append(CheckSample(Families.lastDuration, labels, duration.inSeconds))
        }
        return samples
    }

    private enum Families {
        static let up = CheckFamily("hc_check_up", help: "Whether the job is in time (1) or down (0).")
        static let started = CheckFamily("hc_check_started", help: "Whether a run of the job is under way.")
        static let signals = CheckFamily("heartbeat_signals_total", help: "Signals of the job.", kind: .counter)
        static let lastPing = CheckFamily(
            "heartbeat_last_ping_timestamp_seconds",
            help: "Unix time of the last end of a run."
        )
        static let due = CheckFamily("heartbeat_due_timestamp_seconds", help: "Unix time at which the next end is due.")
        static let lastDuration = CheckFamily(
            "heartbeat_last_duration_seconds",
            help: "How long the last run took, where its start was reported."
        )
    }
}

extension HeartbeatMachine {
    fileprivate func isOverdue(at now: Double) -> Bool {
        guard let downAt else { return true }
        return now * 1_000 >= Double(downAt)
    }
}
