// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLiteClient
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SQLiteQuarantineTests {
    let folder = SQLiteScratchFolder()

    private func filled(_ path: String) throws {
        let database = try SQLiteDatabase(path: path)
        try database.execute("CREATE TABLE t (a, b)")
        try database.transaction { () throws(SQLiteError) in
            for number in 0..<500 {
                let values: [SQLiteValue] = [.integer(Int64(number)), .text("some text \(number)")]
                try database.run("INSERT INTO t VALUES (?, ?)", values)
            }
        }
        try database.execute("CREATE INDEX i ON t (a)")
        try database.checkpoint()
    }

    @Test func intactFileIsLeftAlone() throws {
        let path = folder.file("state.db")
        try filled(path)
        let (database, condition) = try SQLiteDatabase.openOrQuarantine(path: path, unixSeconds: 1)
        #expect(condition == .intact)
        #expect(try database.integer("SELECT count(*) FROM t") == 500)
    }

    @Test func foreignBytesAreSetAsideUnderAName() throws {
        let path = folder.file("state.db")
        let junk = Data("this is no database, it only looks like a long enough text file".utf8)
        for round in 0..<2 {
            try junk.write(to: URL(fileURLWithPath: path))
            let (database, condition) = try SQLiteDatabase.openOrQuarantine(path: path, unixSeconds: 1_700_000_000)
            guard case .quarantined(let reason, let movedTo) = condition else {
                Issue.record("not quarantined: \(condition)")
                return
            }
            #expect(reason.kind == .notADatabase && reason.path == path)
            #expect(movedTo == path + ".corrupt-1700000000" + (round == 0 ? "" : "-1"))
            #expect(try Data(contentsOf: URL(fileURLWithPath: movedTo)) == junk)
            try database.execute("CREATE TABLE t (a)")
        }
    }

    @Test func damageAnywhereNeverStopsTheStart() throws {
        let path = folder.file("state.db")
        try filled(path)
        let good = try Data(contentsOf: URL(fileURLWithPath: path))
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var generator = SQLiteTestGenerator(state: seed)
        var quarantined = 0
        for round in 0..<60 {
            var bytes = good
            let position = Int.random(in: 0..<bytes.count, using: &generator)
            if round % 2 == 0 {
                bytes = bytes.prefix(position)
            } else {
                bytes[position] ^= 1 << Int.random(in: 0..<8, using: &generator)
            }
            for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
            try bytes.write(to: URL(fileURLWithPath: path))
            let (database, condition) = try SQLiteDatabase.openOrQuarantine(path: path, unixSeconds: Int64(round))
            if condition != .intact { quarantined += 1 }
            try database.execute("CREATE TABLE IF NOT EXISTS fresh (a)")
            try database.run("INSERT INTO fresh VALUES (1)")
        }
        #expect(quarantined > 20)
    }

    @Test func unusableDirectoryFallsBackToMemoryWhenAsked() throws {
        let path = folder.file("missing/state.db")
        #expect(throws: SQLiteError.self) { try SQLiteDatabase.openOrQuarantine(path: path, unixSeconds: 1) }
        let (database, condition) = try SQLiteDatabase.openOrQuarantine(
            path: path,
            unixSeconds: 1,
            memoryFallback: true
        )
        guard case .memoryOnly(let reason) = condition else {
            Issue.record("expected memory: \(condition)")
            return
        }
        #expect(reason.kind == .cannotOpen && reason.path == path)
        try database.execute("CREATE TABLE t (a)")
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}

/// SplitMix64: a failing run is repeated from its printed seed.
private struct SQLiteTestGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
