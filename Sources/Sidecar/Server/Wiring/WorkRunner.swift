// SPDX-License-Identifier: Apache-2.0

import ServiceLifecycle
import Synchronization

/// Runs asynchronous pieces of work side by side: attempts of checks, deliveries.
///
/// The stream has no bound of its own: whoever submits has one (a check runs once at a time, the notification engine
/// hands out a limited number of attempts). After the end of `run` nothing is started any more.
struct WorkRunner<Work: Sendable>: Service {
    /// How long cancelled work may take to notice.
    private static var patience: Duration { .milliseconds(500) }

    private let works: AsyncStream<Work>
    private let continuation: AsyncStream<Work>.Continuation
    private let grace: Duration
    private let body: @Sendable (Work) async -> Void

    /// - Parameter grace: how long what runs at a shutdown may go on. Then it is cancelled, and what does not end is left to
    ///   its fate: a dependency that hangs must not hold up the end of the process.
    init(grace: Duration = .zero, _ body: @escaping @Sendable (Work) async -> Void) {
        (works, continuation) = AsyncStream.makeStream(of: Work.self)
        self.grace = grace
        self.body = body
    }

    func submit(_ work: Work) { continuation.yield(work) }

    func run() async throws {
        let running = RunningWork()
        for await work in works.cancelOnGracefulShutdown() {
            running.start { [body] in await body(work) }
        }
        await running.wait(atMost: grace)
        running.cancel()
        await running.wait(atMost: Self.patience)
    }
}

/// Tasks that nobody is bound to wait for.
private final class RunningWork: Sendable {
    private struct State {
        var tasks: [UInt64: Task<Void, Never>] = [:]
        var started: UInt64 = 0
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func start(_ body: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            state.started += 1
            let number = state.started
            state.tasks[number] = Task {
                await body()
                end(number)
            }
        }
    }

    func cancel() {
        for task in state.withLock({ Array($0.tasks.values) }) { task.cancel() }
    }

    /// Returns when nothing runs any more, or when the time is up.
    func wait(atMost duration: Duration) async {
        guard duration > .zero else { return }
        let alarm = Task {
            try? await Task.sleep(for: duration)  // cancelled when there is nothing to wait for
            wake()
        }
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if !state.tasks.isEmpty { state.waiting = continuation }
                return state.tasks.isEmpty
            }
            if isIdle { continuation.resume() }
        }
        alarm.cancel()
    }

    private func end(_ number: UInt64) {
        let isLast = state.withLock { state in
            state.tasks[number] = nil
            return state.tasks.isEmpty
        }
        if isLast { wake() }
    }

    private func wake() {
        state.withLock { state in
            defer { state.waiting = nil }
            return state.waiting
        }?.resume()
    }
}
