// SPDX-License-Identifier: Apache-2.0

/// A row of an answer, by the names of its columns.
package struct SQLRow: Sendable {
    /// A column that is not there, or holds something else: the statement and its reader do not fit.
    struct Mismatch: Error, CustomStringConvertible {
        var column: String
        var description: String { "column \(column) is missing or of another type" }
    }

    private let values: [String: SQLValue]

    init(_ columns: some Sequence<(String, SQLValue)>) {
        values = Dictionary(columns, uniquingKeysWith: { first, _ in first })
    }

    func text(_ column: String) throws -> String {
        guard let text = optionalText(column) else { throw Mismatch(column: column) }
        return text
    }

    func integer(_ column: String) throws -> Int64 {
        guard let number = optionalInteger(column) else { throw Mismatch(column: column) }
        return number
    }

    func int(_ column: String) throws -> Int {
        guard let number = Int(exactly: try integer(column)) else { throw Mismatch(column: column) }
        return number
    }

    func flag(_ column: String) throws -> Bool {
        if values[column] == .text("t") { return true }
        if values[column] == .text("f") { return false }
        return try integer(column) != 0
    }

    /// Nil for NULL.
    func optionalText(_ column: String) -> String? {
        guard case .text(let text) = values[column] else { return nil }
        return text
    }

    /// Nil for NULL. PostgreSQL answers with texts.
    func optionalInteger(_ column: String) -> Int64? {
        switch values[column] {
        case .integer(let number): number
        case .text(let text): text.flatMap { Int64($0) }
        case .flag, nil: nil
        }
    }
}
