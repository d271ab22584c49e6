// SPDX-License-Identifier: Apache-2.0

import Exposition

/// How long a task waits for a thread of Swift's pool, which has as many as there are processors: blocking calls in
/// tasks show here, as long callbacks on event loops show in the lag of those.
///
/// Each reading starts one small task. The value is how long the last one waited, or has been waiting until now.
final class TaskLag: Sendable {
    private struct State {
        var startedAt: Int64?
        var waited: Int64 = 0
    }

    private let state = Guarded(State())

    /// Seconds; starts the next task when the last one has run.
    func read() -> Double {
        let now = SystemTime.monotonicNanoseconds()
        let (waited, isFree) = state.withLock { state -> (Int64, Bool) in
            if let startedAt = state.startedAt { return (now &- startedAt, false) }
            state.startedAt = now
            return (state.waited, true)
        }
        // Nothing waits for it and it ends by itself; a task with an owner would wait for that owner's thread.
        if isFree { Task.detached { self.ran() } }
        return Double(max(0, waited)) / 1e9
    }

    private func ran() {
        let now = SystemTime.monotonicNanoseconds()
        state.withLock { state in
            if let startedAt = state.startedAt { state.waited = now &- startedAt }
            state.startedAt = nil
        }
    }
}

extension MetricsRegistry {
    /// Adds what the Swift runtime does: `swift_task_lag_seconds`, how long a task waits for a thread.
    public func registerRuntimeMetrics() {
        let lag = TaskLag()
        let header = FamilyHeader(
            name: "swift_task_lag_seconds",
            kind: .gauge,
            help: "How long a task waits for a thread of the pool.",
            unit: "seconds"
        )
        if !register(ReadingCollector(header: header) { [(.none, lag.read())] }) {
            reporter.report(.conflict(family: header.name, what: "the name is taken"))
        }
    }
}
