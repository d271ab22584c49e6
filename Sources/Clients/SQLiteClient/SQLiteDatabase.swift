// SPDX-License-Identifier: Apache-2.0

import CSQLite

/// One connection to one SQLite file. Not `Sendable`: whoever opened it keeps it on one thread at a time. Every call
/// blocks for as long as the disk does; nothing here belongs on the cooperative pool.
@safe
package final class SQLiteDatabase {
    /// How a file is opened.
    package struct Configuration: Sendable {
        /// How long to wait for another connection's lock.
        package var busyTimeout: Duration = .seconds(5)
        /// Opens an existing file without the right to write; journal and synchronous settings are left alone.
        package var readOnly = false
        /// Compiled statements kept; the cache is emptied when it is full.
        package var statementLimit = 128
        /// The name of a registered SQLite file system; nil for the platform's. Fault tests bring their own disk.
        package var fileSystem: String?

        package init() {}
    }

    /// The file, or `:memory:`.
    package let path: String
    // Invariant: set once, closed in deinit after the statements are gone.
    private let handle: OpaquePointer
    private var statements: [String: SQLiteStatement] = [:]
    private let statementLimit: Int
    private var depth = 0

    /// Opens or creates `path`; nil is a database in memory. A symbolic link is refused. Files get
    /// `journal_mode=WAL` and `synchronous=FULL`: what a transaction committed survives power loss.
    package init(path: String?, configuration: Configuration = Configuration()) throws(SQLiteError) {
        let name = path ?? ":memory:"
        let access = configuration.readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        let flags = access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (path == nil ? 0 : SQLITE_OPEN_NOFOLLOW)
        var handle: OpaquePointer?
        let code: Int32 =
            if let fileSystem = configuration.fileSystem {
                unsafe sqlite3_open_v2(name, &handle, flags, fileSystem)
            } else {
                unsafe sqlite3_open_v2(name, &handle, flags, nil)
            }
        guard code == SQLITE_OK, let handle = unsafe handle else {
            let message = unsafe handle.map { unsafe String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            unsafe sqlite3_close_v2(handle)
            throw SQLiteError(code: code, message: message, path: name)
        }
        self.path = name
        unsafe self.handle = handle
        self.statementLimit = max(configuration.statementLimit, 1)
        unsafe sqlite3_busy_timeout(handle, Self.milliseconds(configuration.busyTimeout))
        if path != nil, !configuration.readOnly { try configureFile() }
        try execute("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF")
    }

    deinit {
        statements.removeAll()
        unsafe sqlite3_close_v2(handle)
    }

    private static func milliseconds(_ duration: Duration) -> Int32 {
        let day = Duration.seconds(86_400)
        let (seconds, attoseconds) = min(max(duration, .zero), day).components
        return Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }

    private func configureFile() throws(SQLiteError) {
        let mode = try text("PRAGMA journal_mode = WAL")
        // A file system without shared memory keeps the old journal: slower, as safe.
        if mode != "wal" { _ = try text("PRAGMA journal_mode = DELETE") }
        try execute("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304")
    }

    // MARK: Statements

    /// Runs any number of statements that take no values.
    package func execute(_ sql: String) throws(SQLiteError) {
        let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else {
            throw unsafe SQLiteError(code: code, message: String(cString: sqlite3_errmsg(handle)), path: path)
        }
    }

    /// Runs one statement to its end; returns the number of rows it changed.
    @discardableResult
    package func run(_ sql: String, _ values: [SQLiteValue] = []) throws(SQLiteError) -> Int {
        let statement = try borrow(sql)
        defer { giveBack(statement) }
        try statement.bind(values)
        while try statement.step() {}
        return unsafe Int(sqlite3_changes(handle))
    }

    /// Runs a query and hands each row to `body`.
    package func query(
        _ sql: String,
        _ values: [SQLiteValue] = [],
        _ body: (borrowing SQLiteRow) throws(SQLiteError) -> Void
    ) throws(SQLiteError) {
        let statement = try borrow(sql)
        defer { giveBack(statement) }
        try statement.bind(values)
        let row = SQLiteRow(statement: statement)
        while try statement.step() { try body(row) }
    }

    /// Every row, transformed.
    package func rows<Element>(
        _ sql: String,
        _ values: [SQLiteValue] = [],
        _ transform: (borrowing SQLiteRow) throws(SQLiteError) -> Element
    ) throws(SQLiteError) -> [Element] {
        var elements: [Element] = []
        try query(sql, values) { row throws(SQLiteError) in elements.append(try transform(row)) }
        return elements
    }

    /// The first column of the first row as a number; nil without a row or for null.
    package func integer(_ sql: String, _ values: [SQLiteValue] = []) throws(SQLiteError) -> Int64? {
        var result: Int64?
        var isFirst = true
        try query(sql, values) { row throws(SQLiteError) in
            if isFirst { result = row.optionalInteger(0) }
            isFirst = false
        }
        return result
    }

    /// The first column of the first row as text; nil without a row or for null.
    package func text(_ sql: String, _ values: [SQLiteValue] = []) throws(SQLiteError) -> String? {
        var result: String?
        var isFirst = true
        try query(sql, values) { row throws(SQLiteError) in
            if isFirst { result = row.optionalText(0) }
            isFirst = false
        }
        return result
    }

    package var lastInsertedRowID: Int64 { unsafe sqlite3_last_insert_rowid(handle) }

    // MARK: Transactions

    /// Runs `body` in one write transaction: all of it is on disk when this returns, or none of it when this throws.
    /// An inner transaction joins the outer one.
    package func transaction<Result>(_ body: () throws(SQLiteError) -> Result) throws(SQLiteError) -> Result {
        if depth > 0 { return try body() }
        try run("BEGIN IMMEDIATE")
        depth = 1
        defer { depth = 0 }
        do {
            let result = try body()
            try run("COMMIT")
            return result
        } catch {
            // SQLite may have rolled back by itself (disk full, I/O error); a second ROLLBACK would only fail.
            if unsafe sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
            throw error
        }
    }

    /// Moves the write-ahead log into the file; false when a reader held it back.
    @discardableResult
    package func checkpoint() throws(SQLiteError) -> Bool {
        try integer("PRAGMA wal_checkpoint(TRUNCATE)") == 0
    }

    // MARK: Cache

    private func borrow(_ sql: String) throws(SQLiteError) -> SQLiteStatement {
        if let cached = statements[sql], !cached.isInUse {
            cached.isInUse = true
            return cached
        }
        let statement = try unsafe SQLiteStatement(sql, database: handle, path: path)
        statement.isInUse = true
        // The same text running twice at once (a query inside its own rows): the second is not kept.
        if statements[sql] == nil {
            if statements.count >= statementLimit { statements.removeAll(keepingCapacity: true) }
            statements[sql] = statement
        }
        return statement
    }

    private func giveBack(_ statement: SQLiteStatement) {
        statement.reset()
        statement.isInUse = false
    }
}
