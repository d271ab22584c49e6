// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import EventLoop
import Exposition
import HealthChecks
import Logging
import SQLiteClient
import Synchronization

/// Takes in what jobs report and keeps it over restarts: whoever hears "OK" is on the disk.
///
/// All signals pass through one thread that may wait for the disk, so that the order of the writes is that of the signals.
final class HeartbeatKeeper: Sendable {
    let board: HeartbeatBoard
    private let clock: HealthClock
    private let logger: Logger
    private let database: LoopBound<SQLiteDatabase>
    private let failures = Mutex(Failures())

    private struct Failures {
        var count: UInt64 = 0
        /// Whether the last write failed.
        var isFailing = false
    }

    /// What becomes of a request.
    enum Outcome: Sendable {
        /// Known, and committed.
        case kept(name: String)
        /// Known here, but the disk did not take it: the job has to report again.
        case notKept(name: String)
        case unknown
        case ambiguous
        /// The sidecar is stopping.
        case stopping
    }

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

    /// Takes in a request; returns when it is committed.
    ///
    /// A job that failed to be kept has been heard all the same: its check looks at memory.
    func receive(_ request: HeartbeatRequest, body: [UInt8]) async -> Outcome {
        let outcome = await database.loop.run { [self] in take(request, body) }
        return outcome ?? .stopping
    }

    private func take(_ request: HeartbeatRequest, _ body: [UInt8]) -> Outcome {
        switch board.receive(request, body: body, at: clock.now().unixMilliseconds) {
        case .unknown: .unknown
        case .ambiguous: .ambiguous
        case .accepted(let name, let record): keep(name, record) ? .kept(name: name) : .notKept(name: name)
        }
    }

    private func keep(_ name: String, _ record: HeartbeatMachine.Record) -> Bool {
        do throws(SQLiteError) {
            try database.value.run(
                "INSERT OR REPLACE INTO heartbeat VALUES (?, ?, ?, ?, ?, ?)",
                [
                    .text(name), .text(record.state.rawValue), .optional(record.lastPing),
                    .optional(record.lastStart), .optional(record.lastDuration.map { Int64($0 / .milliseconds(1)) }),
                    .integer(Int64(clamping: record.signals)),
                ]
            )
            failures.withLock { $0.isFailing = false }
            return true
        } catch {
            let isFirst = failures.withLock { failures in
                defer { failures.isFailing = true }
                failures.count &+= 1
                return !failures.isFailing
            }
            // A disk that is full stays so for a while, and jobs report again and again: the rest is in the metric.
            if isFirst {
                logger.error(
                    "heartbeat.not_kept",
                    metadata: ["heartbeat": .string(name), "error": .string(error.description)]
                )
            }
            return false
        }
    }

    func addMetrics(_ builder: inout FamilyBuilder) {
        builder.add(
            "sidecar_heartbeat_writes_failed_total",
            .counter,
            "Signals of jobs that could not be written, and were answered with 503.",
            [],
            Double(failures.withLock { $0.count })
        )
        builder.add(
            "sidecar_heartbeat_signals_refused_total",
            .counter,
            "Signals for jobs that are not known.",
            [],
            Double(board.refusedSignals)
        )
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
