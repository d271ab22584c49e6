// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Synchronization

/// A few threads for queries of the API, so that a long one delays neither probes, scrapes nor rules.
///
/// Safe to use from any thread. What waits is bounded; beyond the bound a query is refused at once.
final class QueryPool: Sendable {
    /// All threads are busy and as many queries as may wait do wait.
    struct Overloaded: Error {}

    /// Queries that may wait for a thread.
    static let queueLimit = 64

    private let threads: [EventLoop]
    private let outstanding: Mutex<[Int]>

    init(threads count: Int) throws {
        var threads: [EventLoop] = []
        for index in 0..<max(1, count) { threads.append(try EventLoop(name: "query-\(index)")) }
        self.threads = threads
        outstanding = Mutex(Array(repeating: 0, count: threads.count))
    }

    /// Runs `body` on one of the threads.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        let chosen = outstanding.withLock { counts -> Int? in
            let least = counts.indices.min { counts[$0] < counts[$1] } ?? 0
            guard counts.reduce(0, +) < Self.queueLimit + counts.count else { return nil }
            counts[least] += 1
            return least
        }
        guard let chosen else { throw Overloaded() }
        defer { outstanding.withLock { $0[chosen] -= 1 } }
        let result = await threads[chosen].run { Swift.Result(catching: body) }
        guard let result else { throw Overloaded() }
        return try result.get()
    }

    /// The same for a request: an overload is told as the API tells it.
    func answer<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        do {
            return try await run(body)
        } catch is Overloaded {
            throw APIError(.unavailable, "too many queries at once")
        }
    }

    func stop() {
        for thread in threads { thread.stop() }
    }
}
