// SPDX-License-Identifier: Apache-2.0

import ServiceLifecycle

/// Runs asynchronous pieces of work side by side: attempts of checks, deliveries.
///
/// The stream has no bound of its own: whoever submits has one (a check runs once at a time, the notification engine
/// hands out a limited number of attempts). After the end of `run` nothing is started any more.
struct WorkRunner<Work: Sendable>: Service {
    private let works: AsyncStream<Work>
    private let continuation: AsyncStream<Work>.Continuation
    private let body: @Sendable (Work) async -> Void

    init(_ body: @escaping @Sendable (Work) async -> Void) {
        (works, continuation) = AsyncStream.makeStream(of: Work.self)
        self.body = body
    }

    func submit(_ work: Work) { continuation.yield(work) }

    /// Starts nothing new; what runs is cancelled with the group.
    func finish() { continuation.finish() }

    func run() async throws {
        await withDiscardingTaskGroup { [body] group in
            for await work in works.cancelOnGracefulShutdown() {
                group.addTask { await body(work) }
            }
            group.cancelAll()
        }
    }
}
