// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Files of a queue that have been written and not been synced yet.
struct UnsyncedFiles {
    /// The folder, once it has a new file.
    var directory: (any StorageDirectory)?
    private var files: [(sequence: UInt64, file: any StorageFile)] = []
    /// More than this come together only while nobody syncs.
    private static let limit = 256

    mutating func insert(_ sequence: UInt64, _ file: any StorageFile) {
        guard files.last?.sequence != sequence else { return }
        if files.count >= Self.limit { files.removeFirst() }
        files.append((sequence, file))
    }

    mutating func remove(_ sequence: UInt64) { files.removeAll { $0.sequence == sequence } }

    /// Waits for the medium; returns what went wrong.
    func sync() -> [StorageError] {
        var problems: [StorageError] = []
        func attempt(_ body: () throws(StorageError) -> Void) {
            do throws(StorageError) { try body() } catch { problems.append(error) }
        }
        for entry in files { attempt { () throws(StorageError) in try entry.file.sync() } }
        attempt { () throws(StorageError) in try directory?.sync() }
        return problems
    }
}
