// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import SQLiteClient
import Synchronization

/// Where state is kept. A directory that cannot be used means memory only, with a warning and a metric: the watcher
/// watches on.
final class DataDirectory: Sendable {
    let path: String?
    private let logger: Logger
    private let lost = Mutex(false)

    /// The configured path, else `$STATE_DIRECTORY`, else `./sidecar-data`; made when it is missing.
    init(_ configured: String?, environment: (String) -> String?, logger: Logger) {
        self.logger = logger
        let wanted = configured ?? environment("STATE_DIRECTORY") ?? "sidecar-data"
        if Self.make(wanted) {
            path = wanted
        } else {
            path = nil
            lost.withLock { $0 = true }
            logger.warning(
                "storage.unusable",
                metadata: ["path": .string(wanted), "consequence": "state is kept in memory only"]
            )
        }
    }

    var isMemoryOnly: Bool { lost.withLock { $0 } }

    /// Opens a database; a damaged one is set aside and named, an unusable disk gives one in memory.
    func open(_ name: String, unixSeconds: Int64) throws(SQLiteError) -> SQLiteDatabase {
        guard let path else { return try SQLiteDatabase(path: nil) }
        let (database, condition) = try SQLiteDatabase.openOrQuarantine(
            path: "\(path)/\(name)",
            unixSeconds: unixSeconds,
            memoryFallback: true
        )
        switch condition {
        case .intact: break
        case .quarantined(let reason, let target):
            logger.error(
                "storage.quarantined",
                metadata: ["file": .string(name), "moved_to": .string(target), "error": .string("\(reason)")]
            )
        case .memoryOnly(let reason):
            lost.withLock { $0 = true }
            logger.warning("storage.unusable", metadata: ["file": .string(name), "error": .string("\(reason)")])
        }
        return database
    }

    private static func make(_ path: String) -> Bool {
        var built = path.hasPrefix("/") ? "" : "."
        for component in path.split(separator: "/") {
            built += "/\(component)"
            if unsafe mkdir(built, 0o750) != 0, errno != EEXIST { return false }
        }
        return unsafe access(path, R_OK | W_OK | X_OK) == 0
    }
}
