// SPDX-License-Identifier: Apache-2.0

package import RegularExpressions

/// One condition on one label, as in a PromQL selector; a label that is absent counts as empty.
package struct LabelMatcher: Sendable {
    package enum Operation: String, Sendable, Hashable, CaseIterable {
        case equal = "="
        case notEqual = "!="
        case regexMatch = "=~"
        case regexNoMatch = "!~"
    }

    package let name: String
    package let operation: Operation
    package let value: String
    /// What the value asks for, without the negation.
    let pattern: LabelPattern

    /// Compiles the expression of a regex matcher; throws RE2's own words when it is none.
    package init(
        _ name: String,
        _ operation: Operation,
        _ value: String
    ) throws(RegularExpressionError) {
        self.name = name
        self.operation = operation
        self.value = value
        switch operation {
        case .equal, .notEqual: pattern = .literal(value)
        case .regexMatch, .regexNoMatch: pattern = try LabelPattern(expression: value)
        }
    }

    package static func equal(_ name: String, _ value: String) -> LabelMatcher {
        LabelMatcher(literal: name, value)
    }

    private init(literal name: String, _ value: String) {
        self.name = name
        self.value = value
        operation = .equal
        pattern = .literal(value)
    }

    package func matches(_ text: String) -> Bool { pattern.matches(text) != isNegative }

    /// True for a series that does not carry the label at all.
    package var matchesAbsence: Bool { matches("") }

    package func matches(_ labels: Labels) -> Bool { matches(labels[name] ?? "") }

    var isNegative: Bool { operation == .notEqual || operation == .regexNoMatch }
}

extension LabelMatcher: Hashable {
    package static func == (left: LabelMatcher, right: LabelMatcher) -> Bool {
        left.name == right.name && left.operation == right.operation && left.value == right.value
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(operation)
        hasher.combine(value)
    }
}

extension LabelMatcher: CustomStringConvertible {
    package var description: String {
        (Labels.isIdentifier(name.utf8) ? name : Labels.quoted(name)) + operation.rawValue + Labels.quoted(value)
    }
}
