// SPDX-License-Identifier: Apache-2.0

/// Where and why an exposition cannot be read. It quotes nothing of the input, which may hold secrets.
public struct ExpositionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was wrong. The raw value is the sentence shown to people.
    public enum Problem: String, Sendable, Hashable, CaseIterable {
        /// The first byte of a line starts nothing.
        case invalidStart = "expected a metric name, '{' or '#'"
        /// A quoted name is missing, empty, or given twice.
        case invalidName = "expected one metric name, unquoted before the braces or quoted inside them"
        /// `# HELP`, `# TYPE` or `# UNIT` without a name.
        case missingMetadataName = "expected a metric name after HELP, TYPE or UNIT"
        /// The type is none the format knows.
        case invalidType = "unknown metric type"
        /// OpenMetrics: the family's name must end in its unit.
        case invalidUnit = "the unit is not the end of the metric name"
        /// OpenMetrics: a comment that is no metadata.
        case invalidComment = "expected HELP, TYPE, UNIT or EOF after '# '"
        /// A label name is missing or has a character that needs quotes.
        case invalidLabelName = "expected a label name"
        /// The reserved label `__name__` among labels.
        case reservedLabelName = "the label name __name__ is reserved"
        /// A label name comes twice.
        case duplicateLabelName = "duplicate label name"
        /// `=` is missing.
        case missingEqualSign = "expected '=' after the label name"
        /// `"` is missing.
        case missingQuote = "expected '\"' at the start of the label value"
        /// The line ends within quotes.
        case unterminatedString = "the quoted text does not end on its line"
        /// Neither `,` nor `}` after a label.
        case missingComma = "expected ',' or '}' after the label value"
        /// An escape other than `\\`, `\"` and `\n`.
        case invalidEscape = "invalid escape sequence"
        /// The value is missing, not a number, or too large for one.
        case invalidValue = "expected a number as value"
        /// The timestamp is not a number of the format, or too large.
        case invalidTimestamp = "expected a timestamp"
        /// Something follows where the line should end.
        case trailingText = "expected the end of the line"
        /// Bytes that are not UTF-8.
        case invalidUTF8 = "invalid UTF-8"
        /// OpenMetrics: an exemplar that is none, or where none may be.
        case invalidExemplar = "invalid exemplar"
        /// OpenMetrics: an empty line.
        case emptyLine = "empty lines are not allowed"
        /// OpenMetrics: no `# EOF` at the end.
        case missingEnd = "the text does not end with '# EOF'"
        /// OpenMetrics: something after `# EOF`.
        case textAfterEnd = "text after '# EOF'"
        /// A line beyond the limit.
        case lineTooLong = "the line is too long"
        /// Protobuf: a length or a field beyond the message.
        case truncatedMessage = "the message ends early"
        /// Protobuf: a message beyond the limit.
        case messageTooLong = "the message is too long"
        /// Protobuf: a field of the wrong kind, an overlong number, a broken message.
        case invalidMessage = "the message is damaged"
        /// Protobuf: spans and bucket counts that do not fit together.
        case invalidHistogram = "the histogram's spans and buckets do not agree"
        /// A family's TYPE or HELP comes twice, or TYPE after its samples.
        case repeatedMetadata = "second HELP, TYPE or UNIT line for the metric, or TYPE after its samples"
    }

    /// What was wrong.
    public let problem: Problem
    /// The line, from 1; in protobuf the message, from 1.
    public let line: Int
    /// The byte within the line, from 1; in protobuf within the message.
    public let column: Int

    /// Creates an error.
    /// - Parameters:
    ///   - problem: what was wrong.
    ///   - line: from 1.
    ///   - column: from 1.
    public init(_ problem: Problem, line: Int, column: Int) {
        self.problem = problem
        self.line = line
        self.column = column
    }

    /// `12:5: expected a number as value`.
    public var description: String { "\(line):\(column): \(problem.rawValue)" }
}
