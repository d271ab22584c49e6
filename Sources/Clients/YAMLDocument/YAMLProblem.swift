// SPDX-License-Identifier: Apache-2.0

/// Something wrong in a file, said so that a person finds it: `file:line:column: message`.
package struct YAMLProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Severity: Sendable { case warning, error }

    package var file: String
    package var line: Int
    package var column: Int
    package var message: String
    package var severity: Severity

    package init(file: String, line: Int, column: Int, message: String, severity: Severity = .error) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.severity = severity
    }

    package var description: String { "\(file):\(line):\(column): \(message)" }
}

/// Collects every problem of one or several files, so that all are shown at once. Not shared between threads.
package final class YAMLProblems {
    /// More than this from one input help nobody; the rest is only counted.
    package static let limit = 1000

    package private(set) var all: [YAMLProblem] = []
    package private(set) var omitted = 0

    package init() {}

    package var hasErrors: Bool { omitted > 0 || all.contains { $0.severity == .error } }
    package var errors: [YAMLProblem] { all.filter { $0.severity == .error } }
    package var warnings: [YAMLProblem] { all.filter { $0.severity == .warning } }

    /// By file, line and column; problems of one place keep their order.
    package var sorted: [YAMLProblem] {
        all.enumerated().sorted { left, right in
            (left.element.file, left.element.line, left.element.column, left.offset)
                < (right.element.file, right.element.line, right.element.column, right.offset)
        }.map(\.element)
    }

    package func add(_ problem: YAMLProblem) {
        if all.count < Self.limit { all.append(problem) } else { omitted += 1 }
    }

    package func add(
        file: String,
        at node: YAMLNode,
        _ message: String,
        severity: YAMLProblem.Severity = .error
    ) {
        add(
            YAMLProblem(
                file: file,
                line: node.line,
                column: node.column,
                message: message,
                severity: severity
            )
        )
    }
}
