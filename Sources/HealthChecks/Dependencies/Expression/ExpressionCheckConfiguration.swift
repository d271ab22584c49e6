// SPDX-License-Identifier: Apache-2.0

/// Which expression says whether all is well.
package struct ExpressionCheckConfiguration: Sendable {
    package enum FailsWhen: String, Hashable, Sendable, CaseIterable {
        /// As an alerting rule: each element is something that is wrong.
        case any
        /// The expression describes what is well; an empty answer is wrong.
        case none
    }

    package var expression: String
    package var failsWhen = FailsWhen.any
    /// While this gives an element the check is degraded.
    package var warning: String?

    package init(expression: String) {
        self.expression = expression
    }
}
