// SPDX-License-Identifier: Apache-2.0

package import HealthChecks
import Synchronization

/// A job that says when it has run, and when it has to.
package struct HeartbeatDefinition: Hashable, Sendable, CustomStringConvertible {
    package var name: String
    /// What stands in the job's URL instead of the name; a secret, because whoever knows it can report for the job.
    package var key: String?
    package var schedule: HeartbeatSchedule
    package var grace: Duration

    package init(name: String, key: String? = nil, schedule: HeartbeatSchedule, grace: Duration) {
        self.name = name
        self.key = key
        self.schedule = schedule
        self.grace = grace
    }

    package var description: String { "heartbeat \(name)" }
}

/// Everything known about the jobs that report here. Safe to use from any thread.
package final class HeartbeatBoard: Sendable {
    /// What became of a request.
    package enum Reception: Hashable, Sendable {
        /// Taken in; the record is what has to be kept now.
        case accepted(name: String, HeartbeatMachine.Record)
        /// No job of that name or key.
        case unknown
        /// The key is that of several jobs; it needs the name behind it.
        case ambiguous
    }

    /// A job as it stands.
    package struct Status: Hashable, Sendable {
        package var definition: HeartbeatDefinition
        package var machine: HeartbeatMachine
        /// The first bytes of what the last request carried.
        package var body: [UInt8]
    }

    private struct State {
        var jobs: [String: Status] = [:]
        /// Of jobs that are not configured, or not yet.
        var kept: [String: HeartbeatMachine.Record] = [:]
        var refused: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// Requests for jobs that are not known.
    package var refusedSignals: UInt64 { state.withLock { $0.refused } }

    /// All jobs by name.
    package var statuses: [Status] {
        state.withLock { $0.jobs.values.sorted { $0.definition.name < $1.definition.name } }
    }

    /// What was kept by an earlier process. Before the jobs are registered.
    package func restore(_ records: [String: HeartbeatMachine.Record]) {
        state.withLock { $0.kept.merge(records) { $1 } }
    }

    /// Knows the job from now on; one that was known under that name goes on with the new schedule.
    package func register(_ definition: HeartbeatDefinition) {
        state.withLock { state in
            let name = definition.name
            let record = state.jobs[name]?.machine.record ?? state.kept.removeValue(forKey: name)
            let machine = HeartbeatMachine(
                schedule: definition.schedule,
                grace: definition.grace,
                record: record ?? HeartbeatMachine.Record()
            )
            state.jobs[name] = Status(definition: definition, machine: machine, body: state.jobs[name]?.body ?? [])
        }
    }

    /// Forgets the job, unless it was registered anew with another definition.
    package func unregister(_ definition: HeartbeatDefinition) {
        state.withLock { state in
            guard let status = state.jobs[definition.name], status.definition == definition else { return }
            state.kept[definition.name] = status.machine.record
            state.jobs[definition.name] = nil
        }
    }

    /// Takes in what a job says.
    package func receive(_ request: HeartbeatRequest, body: [UInt8], at unixMilliseconds: Int64) -> Reception {
        state.withLock { state in
            let names = state.jobs.values.filter { $0.definition.answers(to: request.name) }.map(\.definition.name)
            guard let name = names.first else {
                state.refused &+= 1
                return .unknown
            }
            guard names.count == 1 else { return .ambiguous }
            guard var status = state.jobs.removeValue(forKey: name) else { return .unknown }
            _ = status.machine.receive(request.signal, run: request.run, at: unixMilliseconds)
            status.body = Array(body.prefix(HeartbeatRequest.bodyLimit))
            state.jobs[name] = status
            return .accepted(name: name, status.machine.record)
        }
    }

    /// The job at this moment; time may have changed its state.
    package func look(_ name: String, at unixMilliseconds: Int64) -> Status? {
        state.withLock { state in
            _ = state.jobs[name]?.machine.advance(to: unixMilliseconds)
            return state.jobs[name]
        }
    }
}

extension HeartbeatDefinition {
    /// A job with a key is reached by it alone, one without by its name.
    func answers(to address: HeartbeatRequest.Name) -> Bool {
        switch address {
        case .id(let id): id == (key ?? name)
        case .slug(let key, let slug): key == self.key && slug == name
        }
    }
}
