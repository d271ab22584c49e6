// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How a state file was found.
package enum SQLiteCondition: Sendable, Hashable {
    /// Opened as it was, or created.
    case intact
    /// Its content could not be trusted; it lies under `movedTo` now and a fresh one was made.
    case quarantined(reason: SQLiteError, movedTo: String)
    /// The disk does not let us: the database is in memory and ends with the process.
    case memoryOnly(reason: SQLiteError)
}

extension SQLiteDatabase {
    /// Opens `path` and checks it; a damaged file is set aside as `path.corrupt-<unixSeconds>` (with its log) and a
    /// fresh one is made. With `memoryFallback`, a disk that cannot be used gives a database in memory instead of an
    /// error. Other errors, a newer schema among them, are the caller's.
    package static func openOrQuarantine(
        path: String,
        configuration: Configuration = Configuration(),
        unixSeconds: Int64,
        memoryFallback: Bool = false
    ) throws(SQLiteError) -> (database: SQLiteDatabase, condition: SQLiteCondition) {
        do {
            return (try openChecked(path, configuration), .intact)
        } catch {
            if error.isCorruption {
                let target = try setAside(path, unixSeconds: unixSeconds)
                return (try openChecked(path, configuration), .quarantined(reason: error, movedTo: target))
            }
            guard memoryFallback, error.isStorage else { throw error }
            return (try SQLiteDatabase(path: nil), .memoryOnly(reason: error))
        }
    }

    private static func openChecked(
        _ path: String,
        _ configuration: Configuration
    ) throws(SQLiteError) -> SQLiteDatabase {
        let database = try SQLiteDatabase(path: path, configuration: configuration)
        var problem: String?
        try database.query("PRAGMA quick_check(1)") { row throws(SQLiteError) in
            if row.text(0) != "ok" { problem = row.text(0) }
        }
        if let problem { throw SQLiteError(kind: .corrupt, message: problem, path: path) }
        // A read-only directory opens happily and fails at the first write: find out now.
        if !configuration.readOnly {
            try database.transaction { () throws(SQLiteError) in
                let version = try database.integer("PRAGMA user_version") ?? 0
                try database.execute("PRAGMA user_version = \(version)")
            }
        }
        return database
    }

    private static func setAside(_ path: String, unixSeconds: Int64) throws(SQLiteError) -> String {
        var target = "\(path).corrupt-\(unixSeconds)"
        var attempt = 0
        while unsafe access(target, F_OK) == 0, attempt < 1000 {
            attempt += 1
            target = "\(path).corrupt-\(unixSeconds)-\(attempt)"
        }
        for suffix in ["-wal", "-shm", ""] {
            if unsafe rename(path + suffix, target + suffix) != 0, errno != ENOENT || suffix.isEmpty {
                let message = unsafe "cannot be set aside: \(String(cString: strerror(errno)))"
                throw SQLiteError(kind: .cannotOpen, message: message, path: path + suffix)
            }
        }
        return target
    }
}
