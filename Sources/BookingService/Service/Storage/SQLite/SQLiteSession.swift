// SPDX-License-Identifier: Apache-2.0

import GRDB

/// A transaction of the file's one writer, or of a reader.
struct SQLiteSession: DatabaseSession {
    let database: Database

    /// There is one writer: nobody else takes anything.
    let takingUnlocked = ""

    func rows(_ sql: String, _ arguments: [any SQLArgument]) throws -> [SQLRow] {
        try translating {
            try Row.fetchAll(database, sql: sql, arguments: Self.bound(arguments)).map { row in
                SQLRow(row.map { name, value in (name, Self.value(value)) })
            }
        }
    }

    func changes(_ sql: String, _ arguments: [any SQLArgument]) throws -> Int {
        try translating {
            try database.execute(sql: sql, arguments: Self.bound(arguments))
            return database.changesCount
        }
    }

    func lock(_ name: String) {}

    private func translating<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw UniqueViolation()
        }
    }

    private static func bound(_ arguments: [any SQLArgument]) -> StatementArguments {
        StatementArguments(
            arguments.map { argument -> (any DatabaseValueConvertible)? in
                switch argument.sqlValue {
                case .integer(let number): number
                case .text(let text): text
                case .flag(let flag): flag
                }
            }
        )
    }

    private static func value(_ value: DatabaseValue) -> SQLValue {
        switch value.storage {
        case .int64(let number): .integer(number)
        case .string(let text): .text(text)
        case .double(let number): .integer(Int64(exactly: number))
        case .null, .blob: .text(nil)
        }
    }
}
