// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import EventLoop
import HealthChecks
import Logging
import SQLiteClient
import Synchronization

/// Takes in what jobs report and keeps it over restarts: in memory at once, on the disk by a thread that may wait for it.
final class HeartbeatKeeper: Sendable {
    let board: HeartbeatBoard
    private let clock: HealthClock
    private let logger: Logger
    private let database: LoopBound<SQLiteDatabase>
    private let failures = Mutex<UInt64>(0)

    private static let tables = [
        """
        CREATE TABLE heartbeat (name TEXT PRIMARY KEY, state TEXT NOT NULL, last_ping INTEGER, last_start INTEGER,
            last_duration INTEGER, signals INTEGER NOT NULL) WITHOUT ROWID
        """
    ]

    /// Reads what an earlier process kept. The database must have been opened for this use alone.
    init(loop: EventLoop, database: sending SQLiteDatabase, clock: HealthClock, logger: Logger) throws(SQLiteError) {
        board = HeartbeatBoard()
        self.clock = clock
        self.logger = logger
        try database.migrate(component: "heartbeats", steps: Self.tables)
        board.restore(try Self.records(database))
        self.database = LoopBound(database, on: loop)
    }

    /// Signals that are in memory only.
    var failedWrites: UInt64 { failures.withLock { $0 } }

    /// Takes in a request. What was accepted is on the disk some milliseconds later.
    func receive(_ request: HeartbeatRequest, body: [UInt8]) -> HeartbeatBoard.Reception {
        let reception = board.receive(request, body: body, at: clock.now().unixMilliseconds)
        if case .accepted(let name, let record) = reception {
            database.loop.execute { [self] in keep(name, record) }
        }
        return reception
    }

    private func keep(_ name: String, _ record: HeartbeatMachine.Record) {
        do throws(SQLiteError) {
            try database.value.run(
                "INSERT OR REPLACE INTO heartbeat VALUES (?, ?, ?, ?, ?, ?)",
                [
                    .text(name), .text(record.state.rawValue), .optional(record.lastPing),
                    .optional(record.lastStart), .optional(record.lastDuration.map { Int64($0 / .milliseconds(1)) }),
                    .integer(Int64(clamping: record.signals)),
                ]
            )
        } catch {
            failures.withLock { $0 &+= 1 }
            logger.error(
                "heartbeat.not_kept",
                metadata: ["heartbeat": .string(name), "error": .string(error.description)]
            )
        }
    }

    private static func records(_ database: SQLiteDatabase) throws(SQLiteError) -> [String: HeartbeatMachine.Record] {
        var records: [String: HeartbeatMachine.Record] = [:]
        try database.query("SELECT name, state, last_ping, last_start, last_duration, signals FROM heartbeat") {
            row throws(SQLiteError) in
            records[row.text(0)] = HeartbeatMachine.Record(
                state: HeartbeatMachine.State(rawValue: row.text(1)) ?? .new,
                lastPing: row.optionalInteger(2),
                lastStart: row.optionalInteger(3),
                lastDuration: row.optionalInteger(4).map { .milliseconds($0) },
                signals: UInt64(max(0, row.integer(5)))
            )
        }
        return records
    }
}
