// SPDX-License-Identifier: Apache-2.0

import CSQLite

/// One compiled statement of one connection. Owned by the connection's cache.
@safe
final class SQLiteStatement {
    // Invariant: finalized once, in deinit, before the connection closes (the connection drops its cache first).
    private let handle: OpaquePointer
    private let database: OpaquePointer
    private let path: String
    var isInUse = false

    init(_ sql: String, database: OpaquePointer, path: String) throws(SQLiteError) {
        var handle: OpaquePointer?
        var copy = sql
        let code = copy.withUTF8 { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) { text in
                unsafe sqlite3_prepare_v3(
                    database,
                    text.baseAddress,
                    Int32(clamping: text.count),
                    UInt32(SQLITE_PREPARE_PERSISTENT),
                    &handle,
                    nil
                )
            }
        }
        guard code == SQLITE_OK else {
            throw unsafe SQLiteError(code: code, message: String(cString: sqlite3_errmsg(database)), path: path)
        }
        guard let handle = unsafe handle else {
            throw SQLiteError(kind: .other, message: "the statement is empty", path: path)
        }
        unsafe self.handle = handle
        unsafe self.database = database
        self.path = path
    }

    deinit { unsafe sqlite3_finalize(handle) }

    func bind(_ values: [SQLiteValue]) throws(SQLiteError) {
        let expected = unsafe sqlite3_bind_parameter_count(handle)
        guard Int(expected) == values.count else {
            throw SQLiteError(kind: .other, message: "\(expected) values expected, \(values.count) given", path: path)
        }
        for (index, value) in values.enumerated() {
            try check(bind(value, at: Int32(clamping: index + 1)))
        }
    }

    private func bind(_ value: SQLiteValue, at index: Int32) -> Int32 {
        switch value {
        case .null: return unsafe sqlite3_bind_null(handle, index)
        case .integer(let integer): return unsafe sqlite3_bind_int64(handle, index, integer)
        case .real(let real): return unsafe sqlite3_bind_double(handle, index, real)
        case .text(var text):
            return text.withUTF8 { bytes in
                unsafe bytes.withMemoryRebound(to: CChar.self) { buffer in
                    unsafe buffer.baseAddress.map {
                        unsafe csqlite_bind_text(handle, index, $0, UInt64(buffer.count))
                    } ?? csqlite_bind_text(handle, index, "", 0)
                }
            }
        case .blob(let bytes):
            return unsafe bytes.withUnsafeBytes { buffer in
                unsafe buffer.baseAddress.map {
                    unsafe csqlite_bind_blob(handle, index, $0, UInt64(buffer.count))
                } ?? sqlite3_bind_zeroblob(handle, index, 0)
            }
        }
    }

    /// True while there is a row.
    func step() throws(SQLiteError) -> Bool {
        let code = unsafe sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw error(code)
        }
    }

    /// The step's error was thrown already; `sqlite3_reset` only repeats it.
    func reset() {
        unsafe sqlite3_reset(handle)
        unsafe sqlite3_clear_bindings(handle)
    }

    private func check(_ code: Int32) throws(SQLiteError) {
        guard code == SQLITE_OK else { throw error(code) }
    }

    private func error(_ code: Int32) -> SQLiteError {
        unsafe SQLiteError(
            code: sqlite3_extended_errcode(database) & 0xff == code & 0xff ? sqlite3_extended_errcode(database) : code,
            message: String(cString: sqlite3_errmsg(database)),
            path: path
        )
    }

    // MARK: Columns of the current row

    var columnCount: Int { unsafe Int(sqlite3_column_count(handle)) }

    func columnName(_ column: Int) -> String {
        guard let name = unsafe sqlite3_column_name(handle, Int32(clamping: column)) else { return "" }
        return unsafe String(cString: name)
    }

    func isNull(_ column: Int) -> Bool {
        unsafe sqlite3_column_type(handle, Int32(clamping: column)) == SQLITE_NULL
    }

    func integer(_ column: Int) -> Int64 { unsafe sqlite3_column_int64(handle, Int32(clamping: column)) }

    func real(_ column: Int) -> Double { unsafe sqlite3_column_double(handle, Int32(clamping: column)) }

    func text(_ column: Int) -> String {
        guard let bytes = unsafe sqlite3_column_text(handle, Int32(clamping: column)) else { return "" }
        let count = unsafe Int(sqlite3_column_bytes(handle, Int32(clamping: column)))
        return unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    func blob(_ column: Int) -> [UInt8] {
        guard let bytes = unsafe sqlite3_column_blob(handle, Int32(clamping: column)) else { return [] }
        let count = unsafe Int(sqlite3_column_bytes(handle, Int32(clamping: column)))
        return unsafe [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
    }
}
