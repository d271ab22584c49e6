// SPDX-License-Identifier: Apache-2.0

import GoFormatting

/// A template that cannot be parsed or a failure while it ran, in Go's wording, so that messages look familiar.
package struct TemplateError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Phase: Sendable {
        case parsing, executing
        /// From a function or an operation, before the executor has added where it happened.
        case unplaced
    }

    package var phase: Phase
    /// The template's name and the place of the fault; line and column are 1-based and 0-based, as in Go's messages.
    package var template: String
    package var line: Int
    package var column: Int
    package var message: String
    /// The text of the node that failed, shortened as Go does.
    package var node: String

    package init(_ message: String) {
        phase = .unplaced
        template = ""
        line = 0
        column = 0
        self.message = message
        node = ""
    }

    init(parsing template: String, line: Int, column: Int, _ message: String) {
        phase = .parsing
        self.template = template
        self.line = line
        self.column = column
        self.message = message
        node = ""
    }

    /// The same failure with the place where it happened; a place that is known already stays.
    func placed(template: String, executing running: String, at position: TemplatePosition) -> TemplateError {
        guard phase == .unplaced else { return self }
        var placed = self
        placed.phase = .executing
        placed.template = template
        placed.line = position.line
        placed.column = position.column
        let text = position.text
        let shown = text.utf8.count > 20 ? String(decoding: text.utf8.prefix(20), as: UTF8.self) + "..." : text
        placed.node = "executing \(GoText.quote(running)) at <\(shown)>"
        return placed
    }

    package var description: String {
        switch phase {
        case .unplaced: message
        case .parsing: "template: \(template):\(line): \(message)"
        case .executing: "template: \(template):\(line):\(column): \(node): \(message)"
        }
    }
}

/// Where a node stands and what it looks like.
struct TemplatePosition: Hashable, Sendable {
    var line: Int
    /// Bytes from the beginning of the line.
    var column: Int
    var text: String
}
