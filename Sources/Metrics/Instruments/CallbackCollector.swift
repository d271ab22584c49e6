// SPDX-License-Identifier: Apache-2.0

import Exposition
import Glibc

/// A family whose values come from a function of the service, which may be slow or hang.
final class CallbackCollector: MetricCollector {
    let header: FamilyHeader
    private let limit: Int
    private let read: @Sendable () -> [(labels: SeriesLabels, value: Double)]
    private let state = Guarded(State())

    private struct State {
        var isRunning = false
        var values: [(labels: SeriesLabels, value: Double)] = []
        var readAt: Int64 = .min
    }

    /// A value read this long ago is still the answer, so that two scrapes at once both get one.
    private static let freshNanoseconds: Int64 = 1_000_000_000

    init(header: FamilyHeader, limit: Int, read: @escaping @Sendable () -> [(labels: SeriesLabels, value: Double)]) {
        self.header = header
        self.limit = limit
        self.read = read
    }

    /// Calls the function unless it is still running; false when it is.
    func refresh() -> Bool {
        let mayRun = state.withLock { state in
            if state.isRunning { return false }
            state.isRunning = true
            return true
        }
        guard mayRun else { return false }
        let values = Array(read().prefix(limit))
        state.withLock { state in
            state.isRunning = false
            state.values = values
            state.readAt = SystemTime.monotonicNanoseconds()
        }
        return true
    }

    private var values: [(labels: SeriesLabels, value: Double)] {
        state.withLock { state in
            guard state.readAt != .min else { return [] }
            let age = SystemTime.monotonicNanoseconds() &- state.readAt
            return age <= Self.freshNanoseconds ? state.values : []
        }
    }

    func write(to writer: inout ExpositionWriter, created: Bool) {
        let values = values
        guard !values.isEmpty else { return }
        writer.begin(header)
        for (labels, value) in values { writer.write(labels, value: value) }
    }

    func snapshot() -> MetricFamily? {
        MetricFamily(header: header, values: values)
    }

    func removeIdle(now: Int64, timeoutMilliseconds: Int64) -> Int { 0 }
}

/// The callbacks of one rendering, run one after the other on a thread that the rendering waits for only so long.
@safe
final class CallbackRound: @unchecked Sendable {
    // Invariant: `position` and `isDone` are touched with `mutex` held.
    private let collectors: [CallbackCollector]
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private var position = 0
    private var isDone = false

    /// Runs the callbacks among `all`.
    /// - Returns: the families that did not answer in time.
    static func run(_ all: [any MetricCollector], budget: Duration) -> [String] {
        let collectors = all.compactMap { $0 as? CallbackCollector }
        guard !collectors.isEmpty else { return [] }
        return CallbackRound(collectors).run(budget)
    }

    private init(_ collectors: [CallbackCollector]) {
        self.collectors = collectors
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe changed = .allocate(capacity: 1)
        unsafe changed.initialize(to: pthread_cond_t())
        unsafe pthread_cond_init(changed, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
        unsafe pthread_cond_destroy(changed)
        unsafe changed.deallocate()
    }

    private func run(_ budget: Duration) -> [String] {
        guard DetachedThread.start({ self.callAll() }) else { return collectors.map(\.header.name) }
        return wait(budget)
    }

    private func callAll() {
        for collector in collectors {
            _ = collector.refresh()
            unsafe pthread_mutex_lock(mutex)
            position += 1
            unsafe pthread_mutex_unlock(mutex)
        }
        unsafe pthread_mutex_lock(mutex)
        isDone = true
        unsafe pthread_cond_signal(changed)
        unsafe pthread_mutex_unlock(mutex)
    }

    private func wait(_ budget: Duration) -> [String] {
        var deadline = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &deadline)
        let seconds = max(0, min(budget.inSeconds, 60))
        let total = Int(deadline.tv_nsec) + Int(seconds * 1e9)
        deadline.tv_sec += total / 1_000_000_000
        deadline.tv_nsec = total % 1_000_000_000
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while !isDone {
            if unsafe pthread_cond_timedwait(changed, mutex, &deadline) == ETIMEDOUT { break }
        }
        return isDone ? [] : Array(collectors[min(position, collectors.count - 1)...].prefix(1).map(\.header.name))
    }
}
