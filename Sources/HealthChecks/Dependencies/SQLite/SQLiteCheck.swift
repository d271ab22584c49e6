// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
package import HealthChecks
import SQLiteClient
import Synchronization

/// Reads from a SQLite file as any other reader would, on a thread of its own.
package final class SQLiteCheck: DependencyCheck {
    package let name: String
    package let kind = "sqlite"
    package let instance: String
    private let probe: LoopBound<BlockingProbe<SQLiteFinding>>

    package init(
        name: String,
        _ configuration: SQLiteCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        guard !configuration.path.isEmpty else { throw CheckConfigurationError("path: expected the path of a file") }
        self.name = name
        instance = configuration.path
        let schedule = QuickCheckSchedule(interval: configuration.quickCheckInterval)
        let probe = BlockingProbe<SQLiteFinding>(
            late: {
                .down(.timeout, "no answer within the deadline", duration: $0, samples: SQLiteFinding.downSamples)
            },
            work: { SQLiteFinding.look(configuration, deadline: $0, schedule) },
            result: { $0.result(configuration, duration: $1) }
        )
        self.probe = LoopBound(probe, on: environment.loop)
    }

    package func begin(deadline: Duration, completion: @escaping @Sendable (CheckResult) -> Void) {
        probe.begin(deadline: deadline, completion: completion)
    }
}

/// When the slow look is due again.
final class QuickCheckSchedule: Sendable {
    private let interval: Duration?
    private let last = Mutex<(at: MonotonicTime, isSound: Bool)?>(nil)

    init(interval: Duration?) {
        self.interval = interval
    }

    var isDue: Bool {
        guard let interval else { return false }
        return last.withLock { $0.map { MonotonicTime.now() - $0.at >= interval } ?? true }
    }

    var isSound: Bool? { last.withLock { $0?.isSound } }

    func done(_ isSound: Bool) { last.withLock { $0 = (MonotonicTime.now(), isSound) } }
}

/// What was seen of a SQLite file.
struct SQLiteFinding: Sendable {
    var error: SQLiteError?
    var isMissing = false
    /// Why nothing can be written, where that was asked for.
    var unwritable: HealthReason?
    var bytes: Double?
    var walBytes: Double = 0
    var pages: Double?
    var freePages: Double?
    var lockWait = Duration.zero
    var isSound: Bool?

    static let downSamples = [CheckSample("sqlite_up", [], 0)]

    static func look(
        _ configuration: SQLiteCheckConfiguration,
        deadline: Duration,
        _ schedule: QuickCheckSchedule
    ) -> SQLiteFinding {
        var finding = SQLiteFinding()
        guard let size = fileSize(configuration.path) else {
            finding.isMissing = true
            return finding
        }
        finding.bytes = size
        if configuration.requiresWritable { finding.unwritable = whyUnwritable(configuration.path) }
        finding.walBytes = fileSize(configuration.path + "-wal") ?? 0
        do throws(SQLiteError) {
            var settings = SQLiteDatabase.Configuration()
            settings.readOnly = true
            settings.busyTimeout = min(configuration.busyTimeout, deadline)
            let database = try SQLiteDatabase(path: configuration.path, configuration: settings)
            let start = MonotonicTime.now()
            // The first statement takes the shared lock and reads the header and the schema.
            _ = try database.integer("SELECT count(*) FROM sqlite_master")
            finding.lockWait = MonotonicTime.now() - start
            finding.pages = try database.integer("PRAGMA page_count").map(Double.init)
            finding.freePages = try database.integer("PRAGMA freelist_count").map(Double.init)
            if let query = configuration.query { try database.query(query) { _ throws(SQLiteError) in } }
            if schedule.isDue { schedule.done(try database.text("PRAGMA quick_check(1)") == "ok") }
        } catch {
            finding.error = error
        }
        finding.isSound = schedule.isSound
        return finding
    }

    /// Looks at the permissions and the file system: the database is never written to, not even locked.
    private static func whyUnwritable(_ path: String) -> HealthReason? {
        let usage = FileSystemUsage(device: "", mountPoint: "", kind: "", path: path)
        if usage?.isReadOnly == true { return .readOnly }
        if let usage, usage.size > 0, usage.available < leastAvailable { return .full }
        return unsafe access(path, W_OK) == 0 ? nil : .readOnly
    }

    /// A transaction's pages and its write-ahead log do not fit into less.
    private static let leastAvailable = 64.0 * 1_024

    func result(_ configuration: SQLiteCheckConfiguration, duration: Duration) -> CheckResult {
        if isMissing { return .down(.missing, "no such file", duration: duration, samples: Self.downSamples) }
        if let error {
            return .down(reason(of: error), error.message, duration: duration, samples: samples(isUp: false))
        }
        if let unwritable {
            return .down(unwritable, "nothing can be written", duration: duration, samples: samples(isUp: false))
        }
        if isSound == false {
            return .down(.corrupt, "quick_check failed", duration: duration, samples: samples(isUp: false))
        }
        if let maximum = configuration.maximumWALBytes, walBytes > Double(maximum) {
            let text = "the write-ahead log grows: a reader or a failing checkpoint holds it"
            return .degraded(.threshold, text, duration: duration, samples: samples(isUp: true))
        }
        return .up(duration: duration, samples: samples(isUp: true))
    }

    private func reason(of error: SQLiteError) -> HealthReason {
        switch error.kind {
        case .corrupt, .notADatabase: .corrupt
        case .full: .full
        case .readOnly: .readOnly
        case .busy: .busy
        case .permission: .permission
        case .cannotOpen: .missing
        case .outOfMemory: .outOfMemory
        case .inputOutput: .internalError
        case .constraint, .tooBig, .interrupted, .incompatible, .other: .queryFailed
        }
    }

    private func samples(isUp: Bool) -> [CheckSample] {
        var samples = [
            CheckSample("sqlite_up", [], isUp ? 1 : 0), CheckSample("sqlite_wal_size_bytes", [], walBytes),
            CheckSample("sqlite_lock_wait_seconds", [], lockWait.inSeconds),
        ]
        if let bytes { samples.append(CheckSample("sqlite_database_size_bytes", [], bytes)) }
        if let pages { samples.append(CheckSample("sqlite_pages", [], pages)) }
        if let freePages { samples.append(CheckSample("sqlite_free_pages", [], freePages)) }
        if let isSound { samples.append(CheckSample("sqlite_quick_check_ok", [], isSound ? 1 : 0)) }
        return samples
    }
}

/// The size of a file; nil when there is none.
func fileSize(_ path: String) -> Double? {
    var information = stat()
    guard unsafe stat(path, &information) == 0 else { return nil }
    return Double(information.st_size)
}
