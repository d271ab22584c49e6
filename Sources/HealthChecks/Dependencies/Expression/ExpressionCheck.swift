// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks

/// A condition over stored series as a check: it has a state, fall and rise, and may gate readiness.
package typealias ExpressionCheck = ProbeCheck<BlockingProbe<ExpressionFinding>>

extension ProbeCheck where Probe == BlockingProbe<ExpressionFinding> {
    package convenience init(
        name: String,
        _ configuration: ExpressionCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        let condition = try environment.prepare(configuration.expression, key: "expr")
        var warning: (any PreparedExpression)?
        if let text = configuration.warning { warning = try environment.prepare(text, key: "warning_expr") }
        let degraded = warning
        let failsWhen = configuration.failsWhen
        let probe = BlockingProbe<ExpressionFinding>(
            late: { .undetermined(.timeout, "the evaluation took too long", duration: $0) },
            work: { ExpressionFinding.look(condition, degraded, deadline: $0) },
            result: { $0.result(failsWhen, duration: $1) }
        )
        self.init(name: name, kind: "expression", instance: name, probe: probe, in: environment)
    }
}

/// What the expressions gave.
package struct ExpressionFinding: Sendable {
    var values: [ExpressionValue] = []
    var warnings: [ExpressionValue] = []
    var problem: ExpressionProblem?

    static func look(
        _ condition: any PreparedExpression,
        _ warning: (any PreparedExpression)?,
        deadline: Duration
    ) -> ExpressionFinding {
        let start = MonotonicTime.now()
        var finding = ExpressionFinding()
        do throws(ExpressionProblem) {
            finding.values = try condition.evaluate(deadline: deadline)
            if let warning {
                let remaining = max(.milliseconds(1), deadline - (MonotonicTime.now() - start))
                finding.warnings = try warning.evaluate(deadline: remaining)
            }
        } catch {
            finding.problem = error
        }
        return finding
    }

    func result(_ failsWhen: ExpressionCheckConfiguration.FailsWhen, duration: Duration) -> CheckResult {
        if let problem {
            // What could not be evaluated is not known to be wrong.
            let reason: HealthReason = problem == .timedOut ? .timeout : .queryFailed
            return .undetermined(reason, problem.text, duration: duration)
        }
        let isFailing = failsWhen == .any ? !values.isEmpty : values.isEmpty
        var samples = [
            CheckSample(ProbeFamilies.success, [], isFailing ? 0 : 1),
            CheckSample(ProbeFamilies.duration, [], duration.inSeconds),
            CheckSample(Self.elements, [], Double(values.count)),
        ]
        if let value = values.first?.value, !value.isNaN { samples.append(CheckSample(Self.value, [], value)) }
        if isFailing {
            let text = values.first.map { Self.text($0, of: values.count) } ?? "the expression gives nothing"
            return .down(.expression, text, duration: duration, samples: samples)
        }
        if let first = warnings.first {
            let text = Self.text(first, of: warnings.count)
            return .degraded(.expression, text, duration: duration, samples: samples)
        }
        return .up(duration: duration, samples: samples)
    }

    private static let elements = CheckFamily("expression_elements", help: "Elements that the expression gave.")
    private static let value = CheckFamily("expression_value", help: "Value of the first element.")

    private static func text(_ first: ExpressionValue, of count: Int) -> String {
        "\(first.labels) \(first.value)" + (count > 1 ? ", and \(count - 1) more" : "")
    }
}
