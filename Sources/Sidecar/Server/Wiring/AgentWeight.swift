// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import HealthProbes
import Logging
import ServiceLifecycle
import Synchronization

/// Reads the load once a second and keeps the weight that HAProxy's agent is told: full below half of the capacity, a
/// tenth when it is used up. Without an expression, without a value, or when it fails, the weight is full.
final class AgentWeight: Service {
    private static let interval = Duration.seconds(1)

    private let expressions: any ExpressionEvaluating
    private let pool: QueryPool
    private let expression: @Sendable () -> String?
    private let logger: Logger
    private let current = Atomic<Int>(100)

    init(
        expressions: any ExpressionEvaluating,
        pool: QueryPool,
        logger: Logger,
        expression: @escaping @Sendable () -> String?
    ) {
        self.expressions = expressions
        self.pool = pool
        self.logger = logger
        self.expression = expression
    }

    /// Percent of the configured weight.
    var percent: Int { current.load(ordering: .relaxed) }

    func run() async throws {
        try? await cancelWhenGracefulShutdown { [self] in
            var hasFailed = false
            while !Task.isCancelled {
                hasFailed = await read(hasFailed: hasFailed)
                try await Task.sleep(for: Self.interval)
            }
        }
    }

    /// Returns whether the expression failed; only the first failure in a row is logged.
    private func read(hasFailed: Bool) async -> Bool {
        guard let text = expression() else {
            current.store(100, ordering: .relaxed)
            return false
        }
        do {
            let load = try await pool.run { [expressions] in
                try expressions.prepare(text).evaluate(deadline: Self.interval).map(\.value).filter(\.isFinite).max()
            }
            current.store(load.map { HAProxyAgent.weight(forLoad: $0) } ?? 100, ordering: .relaxed)
            return false
        } catch {
            current.store(100, ordering: .relaxed)
            if !hasFailed {
                let problem = (error as? ExpressionProblem)?.text ?? "too many queries at once"
                logger.warning("agent.load_failed", metadata: ["error": .string(problem)])
            }
            return true
        }
    }
}
