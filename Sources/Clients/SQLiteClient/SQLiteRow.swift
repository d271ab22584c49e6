// SPDX-License-Identifier: Apache-2.0

/// The row a query stands on. Valid inside the closure it is handed to. Columns count from 0; SQLite converts types as
/// it always does (null reads as 0 or as empty), so ask `isNull` where that matters.
package struct SQLiteRow: ~Copyable {
    let statement: SQLiteStatement

    package var count: Int { statement.columnCount }
    package func name(_ column: Int) -> String { statement.columnName(column) }
    package func isNull(_ column: Int) -> Bool { statement.isNull(column) }
    package func integer(_ column: Int) -> Int64 { statement.integer(column) }
    package func real(_ column: Int) -> Double { statement.real(column) }
    package func text(_ column: Int) -> String { statement.text(column) }
    package func blob(_ column: Int) -> [UInt8] { statement.blob(column) }
    package func bool(_ column: Int) -> Bool { statement.integer(column) != 0 }

    package func optionalInteger(_ column: Int) -> Int64? { isNull(column) ? nil : integer(column) }
    package func optionalReal(_ column: Int) -> Double? { isNull(column) ? nil : real(column) }
    package func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
}
