// SPDX-License-Identifier: Apache-2.0

/// A refused expression: what is wrong and the bytes of the input that it is about.
package struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Byte range in the input.
    package let range: Range<Int>
    /// The complaint without the position.
    package let message: String
    /// 1-based line and byte column of the start; nil for an empty input.
    package let position: SourcePosition?

    package init(range: Range<Int>, message: String, input: [UInt8]) {
        self.range = range
        self.message = message
        self.position = SourcePosition(of: range.lowerBound, in: input)
    }

    /// `1:23: parse error: …`, as Prometheus words it.
    package var description: String {
        guard let position else { return "unknown position: parse error: \(message)" }
        return "\(position): parse error: \(message)"
    }
}

/// A 1-based line and byte column.
package struct SourcePosition: Hashable, Sendable, CustomStringConvertible {
    package let line: Int
    package let column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// The position of byte `offset`; nil when the input is empty or the offset is outside.
    package init?(of offset: Int, in input: [UInt8]) {
        guard !input.isEmpty, offset >= 0, offset <= input.count else { return nil }
        var line = 1
        var lineStart = 0
        for index in 0..<offset where input[index] == UInt8(ascii: "\n") {
            line += 1
            lineStart = index + 1
        }
        self.line = line
        self.column = offset - lineStart + 1
    }

    package var description: String { "\(line):\(column)" }
}
