// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks

/// A queue as scraped metrics show it.
enum ExpressionQueueProbe {
    private typealias Part = (
        expression: any PreparedExpression, field: any WritableKeyPath<QueueReading, Double?> & Sendable
    )

    static func make(
        _ configuration: QueueCheckConfiguration,
        _ source: QueueCheckConfiguration.ExpressionQueue,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) -> BlockingProbe<Result<QueueReading, ExpressionProblem>> {
        var parts: [Part] = []
        let texts: [(String, String?, any WritableKeyPath<QueueReading, Double?> & Sendable)] = [
            ("waiting", source.waiting, \.waiting), ("active", source.active, \.active),
            ("delayed", source.delayed, \.delayed), ("failed", source.failed, \.failed),
            ("oldest_seconds", source.oldestSeconds, \.oldestSeconds), ("workers", source.workers, \.workers),
        ]
        for (key, text, field) in texts {
            if let text { parts.append((try environment.prepare(text, key: key), field)) }
        }
        guard !parts.isEmpty else { throw CheckConfigurationError("expressions: at least one is needed") }
        let wanted = parts
        return BlockingProbe(
            late: { .undetermined(.timeout, "the evaluation took too long", duration: $0) },
            work: { read(wanted, deadline: $0) },
            result: { answer, duration in
                switch answer {
                case .success(let reading) where reading == QueueReading():
                    .undetermined(.missing, "none of the expressions gives anything", duration: duration)
                case .success(let reading): reading.result(configuration, duration: duration)
                case .failure(.timedOut):
                    .undetermined(.timeout, ExpressionProblem.timedOut.text, duration: duration)
                case .failure(let problem): .undetermined(.queryFailed, problem.text, duration: duration)
                }
            }
        )
    }

    private static func read(_ parts: [Part], deadline: Duration) -> Result<QueueReading, ExpressionProblem> {
        let start = MonotonicTime.now()
        var reading = QueueReading()
        for part in parts {
            do throws(ExpressionProblem) {
                let remaining = max(.milliseconds(1), deadline - (MonotonicTime.now() - start))
                let value = try part.expression.evaluate(deadline: remaining).first?.value
                reading[keyPath: part.field] = value.flatMap { $0.isNaN ? nil : $0 }
            } catch {
                return .failure(error)
            }
        }
        return .success(reading)
    }
}
