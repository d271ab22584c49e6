// SPDX-License-Identifier: Apache-2.0

/// One element of what an expression gives.
package struct ExpressionValue: Hashable, Sendable {
    /// As the expression's language writes them: `{job="api", instance="10.0.0.1:8080"}`.
    package var labels: String
    package var value: Double

    package init(labels: String, value: Double) {
        self.labels = labels
        self.value = value
    }
}

/// Why an expression gave nothing.
package enum ExpressionProblem: Error, Hashable, Sendable {
    /// It cannot be read, or its type is none that a check can use.
    case invalid(String)
    /// It did not end before its deadline.
    case timedOut
    /// It failed, such as at a limit.
    case failed(String)

    package var text: String {
        switch self {
        case .invalid(let text), .failed(let text): text
        case .timedOut: "the evaluation took too long"
        }
    }
}

/// An expression that has been read once and is evaluated again and again.
package protocol PreparedExpression: Sendable {
    /// Evaluates over what is stored now. Blocks; a scalar is a value without labels. Called on any thread.
    func evaluate(deadline: Duration) throws(ExpressionProblem) -> [ExpressionValue]
}

/// Reads expressions: supplied by whoever has both the samples and the language.
package protocol ExpressionEvaluating: Sendable {
    func prepare(_ expression: String) throws(ExpressionProblem) -> any PreparedExpression
}

extension CheckEnvironment {
    /// Reads an expression of a check's configuration.
    func prepare(_ expression: String, key: String) throws(CheckConfigurationError) -> any PreparedExpression {
        guard let expressions else { throw CheckConfigurationError("\(key): expressions cannot be evaluated here") }
        do throws(ExpressionProblem) {
            return try expressions.prepare(expression)
        } catch {
            throw CheckConfigurationError("\(key): \(error.text)")
        }
    }
}
