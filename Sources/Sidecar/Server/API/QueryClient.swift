// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import Synchronization

/// Whether whoever asked still waits for the answer.
///
/// Safe to use from any thread.
final class QueryClient: Sendable {
    private let left = Atomic(false)

    /// How long a query may run before its connection is watched.
    private static let patience = Duration.milliseconds(100)

    var hasLeft: Bool { left.load(ordering: .relaxed) }

    /// Waits for `work`. Once that takes long, the client's hanging up shows in `hasLeft`; watching uses the connection
    /// up, and the answer must be the last on it.
    func waits<Value: Sendable>(
        for work: @escaping @Sendable () async throws -> Value,
        asking request: Request
    ) async throws -> (value: Value, isLast: Bool) {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try? await Task.sleep(for: Self.patience)
                return nil
            }
            if let first = try await group.next(), let value = first {
                group.cancelAll()
                return (value, false)
            }
            let value = try await request.body.consumeWithInboundCloseHandler { _ in
                try await group.next() ?? nil
            } onInboundClosed: {
                self.left.store(true, ordering: .relaxed)
            }
            guard let value else { throw CancellationError() }
            return (value, true)
        }
    }
}
