// SPDX-License-Identifier: Apache-2.0

/// Which SQLite file to look at. The file is never created and never written to.
package struct SQLiteCheckConfiguration: Sendable {
    package var path: String
    /// How long a lock held by a writer is waited for.
    package var busyTimeout: Duration = .milliseconds(500)
    /// How often `PRAGMA quick_check` runs; nil never.
    package var quickCheckInterval: Duration? = .seconds(3_600)
    /// A write-ahead log that grows beyond this is degraded (`threshold`).
    package var maximumWALBytes: Int? = 256 << 20
    /// A file, or a file system, that takes no writes is down: `read_only` or `full`.
    package var requiresWritable = false
    /// A statement of one's own; its failure is the check's failure.
    package var query: String?

    package init(path: String) {
        self.path = path
    }
}
