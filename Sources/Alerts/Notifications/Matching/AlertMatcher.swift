// SPDX-License-Identifier: Apache-2.0

import RegularExpressions
package import TimeSeries

/// One condition on one label as routes, silences and inhibitions use it; an absent label counts as empty.
///
/// Unlike PromQL's, a `.` in an expression does not match a line end: Alertmanager compiles `^(?:…)$` without flags.
package struct AlertMatcher: Sendable {
    package enum Operation: String, Hashable, Sendable, CaseIterable {
        case equal = "="
        case notEqual = "!="
        case regexMatch = "=~"
        case regexNoMatch = "!~"
    }

    package let name: String
    package let operation: Operation
    package let value: String
    private let expression: RegularExpression?

    /// Throws the words of the expression compiler.
    package init(_ name: String, _ operation: Operation, _ value: String) throws(AlertMatcherError) {
        self.name = name
        self.operation = operation
        self.value = value
        switch operation {
        case .equal, .notEqual: expression = nil
        case .regexMatch, .regexNoMatch:
            do {
                expression = try RegularExpression(value, dotMatchesNewline: false)
            } catch {
                throw AlertMatcherError(message: error.message)
            }
        }
    }

    package var isRegularExpression: Bool { expression != nil }
    package var isPositive: Bool { operation == .equal || operation == .regexMatch }

    package func matches(_ text: String) -> Bool {
        switch operation {
        case .equal: text == value
        case .notEqual: text != value
        case .regexMatch: expression?.matchesWhole(text) ?? false
        case .regexNoMatch: !(expression?.matchesWhole(text) ?? false)
        }
    }

    package func matches(_ labels: Labels) -> Bool { matches(labels[name] ?? "") }
}

/// Why a matcher cannot be made.
package struct AlertMatcherError: Error, Hashable, Sendable, CustomStringConvertible {
    package let message: String

    package var description: String { message }
}

extension AlertMatcher: Hashable {
    package static func == (left: AlertMatcher, right: AlertMatcher) -> Bool {
        left.name == right.name && left.operation == right.operation && left.value == right.value
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(operation)
        hasher.combine(value)
    }
}

/// By name, value and operation: the order in which group keys show them.
extension AlertMatcher: Comparable {
    package static func < (left: AlertMatcher, right: AlertMatcher) -> Bool {
        if left.name != right.name { return left.name.utf8.lexicographicallyPrecedes(right.name.utf8) }
        if left.value != right.value { return left.value.utf8.lexicographicallyPrecedes(right.value.utf8) }
        return left.operation.rank < right.operation.rank
    }
}

extension AlertMatcher.Operation {
    fileprivate var rank: Int {
        switch self {
        case .equal: 0
        case .notEqual: 1
        case .regexMatch: 2
        case .regexNoMatch: 3
        }
    }
}

/// As Alertmanager prints it: a name with reserved characters is quoted Go's way, value and all.
extension AlertMatcher: CustomStringConvertible {
    package var description: String {
        if name.unicodeScalars.contains(where: MatcherParser.isReserved) {
            return GoQuoting.quote(name) + operation.rawValue + GoQuoting.quote(value)
        }
        return name + operation.rawValue + GoQuoting.openMetrics(value)
    }
}

extension Array where Element == AlertMatcher {
    package func matches(_ labels: Labels) -> Bool { allSatisfy { $0.matches(labels) } }

    /// `{a="b",c=~"d"}`
    package var alertmanagerText: String { "{" + map(\.description).joined(separator: ",") + "}" }
}
