// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLiteClient
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SQLiteDatabaseTests {
    let folder = SQLiteScratchFolder()

    @Test func valuesOfEveryKindComeBackAsTheyWere() throws {
        let database = try SQLiteDatabase(path: folder.file("state.db"))
        try database.execute("CREATE TABLE t (a, b, c, d, e, f)")
        let text = "O'Brien \u{0}\u{1F600} \"x\""
        let bytes: [UInt8] = [0, 255, 10]
        try database.run(
            "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)",
            [.null, .integer(.min), .real(-0.1), .text(text), .blob(bytes), ""]
        )
        let rows = try database.rows("SELECT * FROM t") { row throws(SQLiteError) in
            (row.isNull(0), row.integer(1), row.real(2), row.text(3), row.blob(4), row.optionalText(5), row.name(1))
        }
        let row = try #require(rows.first)
        #expect(row.0 && row.1 == .min && row.2 == -0.1 && row.3 == text && row.4 == bytes)
        #expect(row.5 == "" && row.6 == "b")
        try database.run("UPDATE t SET e = ?", [.blob([])])
        #expect(try database.text("SELECT typeof(e) FROM t") == "blob")
    }

    @Test func filesAreWrittenAheadAndFullySynced() throws {
        let database = try SQLiteDatabase(path: folder.file("state.db"))
        #expect(try database.text("PRAGMA journal_mode") == "wal")
        #expect(try database.integer("PRAGMA synchronous") == 2)
    }

    @Test func transactionIsAllOrNothing() throws {
        let database = try SQLiteDatabase(path: folder.file("state.db"))
        try database.execute("CREATE TABLE t (a UNIQUE)")
        let error = #expect(throws: SQLiteError.self) {
            try database.transaction { () throws(SQLiteError) in
                try database.run("INSERT INTO t VALUES (1)")
                try database.transaction { () throws(SQLiteError) in _ = try database.run("INSERT INTO t VALUES (2)") }
                try database.run("INSERT INTO t VALUES (1)")
            }
        }
        #expect(error?.kind == .constraint)
        #expect(try database.integer("SELECT count(*) FROM t") == 0)
        try database.transaction { () throws(SQLiteError) in _ = try database.run("INSERT INTO t VALUES (3)") }
        #expect(try database.integer("SELECT max(a) FROM t") == 3)
    }

    @Test func sameQueryInsideItsOwnRows() throws {
        let database = try SQLiteDatabase(path: nil)
        try database.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)")
        var pairs: [Int64] = []
        try database.query("SELECT a FROM t") { outer throws(SQLiteError) in
            let a = outer.integer(0)
            try database.query("SELECT a FROM t") { inner throws(SQLiteError) in pairs.append(a * 10 + inner.integer(0))
            }
        }
        #expect(pairs == [11, 12, 21, 22])
    }

    @Test func manyStatementTextsDoNotPileUp() throws {
        var configuration = SQLiteDatabase.Configuration()
        configuration.statementLimit = 4
        let database = try SQLiteDatabase(path: nil, configuration: configuration)
        for number in 0..<50 { #expect(try database.integer("SELECT \(number)") == Int64(number)) }
    }

    @Test func errorsNameFileAndKindButNoValues() throws {
        let path = folder.file("state.db")
        let database = try SQLiteDatabase(path: path)
        try database.execute("CREATE TABLE t (a UNIQUE)")
        try database.run("INSERT INTO t VALUES (?)", ["s3cret"])
        let error = #expect(throws: SQLiteError.self) { try database.run("INSERT INTO t VALUES (?)", ["s3cret"]) }
        let text = try #require(error?.description)
        #expect(text.contains(path) && text.contains("constraint") && !text.contains("s3cret"))
        #expect(throws: SQLiteError.self) { try database.run("INSERT INTO t VALUES (?)") }
        #expect(throws: SQLiteError.self) { try database.run("") }
        #expect(throws: SQLiteError.self) { try database.run("SELECT nonsense FROM nowhere") }
    }

    @Test func secondWriterIsToldBusy() throws {
        let path = folder.file("state.db")
        var configuration = SQLiteDatabase.Configuration()
        configuration.busyTimeout = .milliseconds(1)
        let first = try SQLiteDatabase(path: path, configuration: configuration)
        let second = try SQLiteDatabase(path: path, configuration: configuration)
        let error = #expect(throws: SQLiteError.self) {
            try first.transaction { () throws(SQLiteError) in try second.transaction { () throws(SQLiteError) in } }
        }
        #expect(error?.kind == .busy && error?.isStorage == false)
    }

    @Test func readOnlyConnectionCannotWrite() throws {
        let path = folder.file("state.db")
        try SQLiteDatabase(path: path).execute("CREATE TABLE t (a)")
        var configuration = SQLiteDatabase.Configuration()
        configuration.readOnly = true
        let database = try SQLiteDatabase(path: path, configuration: configuration)
        #expect(try database.integer("SELECT count(*) FROM t") == 0)
        let error = #expect(throws: SQLiteError.self) { try database.run("INSERT INTO t VALUES (1)") }
        #expect(error?.kind == .readOnly && error?.isStorage == true)
    }

    @Test func fullFileIsToldApart() throws {
        let database = try SQLiteDatabase(path: folder.file("state.db"))
        try database.execute("CREATE TABLE t (a); PRAGMA max_page_count = 3")
        let error = #expect(throws: SQLiteError.self) {
            try database.transaction { () throws(SQLiteError) in
                _ = try database.run("INSERT INTO t VALUES (?)", [.blob([UInt8](repeating: 1, count: 100_000))])
            }
        }
        #expect(error?.kind == .full && error?.isStorage == true)
        try database.execute("PRAGMA max_page_count = 1000")
        try database.run("INSERT INTO t VALUES (1)")
    }

    @Test func symbolicLinkIsRefused() throws {
        let link = folder.file("link.db")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.file("elsewhere.db"))
        let error = #expect(throws: SQLiteError.self) { try SQLiteDatabase(path: link) }
        #expect(error?.kind == .cannotOpen)
    }

    @Test func migrationStepsRunOnceAndNewerFilesAreRefused() throws {
        let path = folder.file("state.db")
        let steps = ["CREATE TABLE t (a)", "ALTER TABLE t ADD COLUMN b; INSERT INTO t VALUES (1, 2)"]
        try SQLiteDatabase(path: path).migrate(component: "x", steps: [steps[0]])
        let database = try SQLiteDatabase(path: path)
        for _ in 0..<2 { try database.migrate(component: "x", steps: steps) }
        #expect(try database.integer("SELECT count(*) FROM t") == 1)
        let error = #expect(throws: SQLiteError.self) { try database.migrate(component: "x", steps: [steps[0]]) }
        #expect(error?.kind == .incompatible)
        #expect(throws: SQLiteError.self) {
            try database.migrate(component: "y", steps: ["CREATE TABLE u (a)", "nonsense"])
        }
        #expect(try database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'u'") == 0)
    }
}

/// A folder that goes with the test.
final class SQLiteScratchFolder {
    let path = NSTemporaryDirectory() + "sqlite-" + UUID().uuidString

    init() { try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }
}
