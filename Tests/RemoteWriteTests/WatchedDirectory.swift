// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TimeSeries

/// A folder of the real disk that knows which of its files have been written since they were last synced.
final class WatchedDirectory: StorageDirectory {
    private struct State {
        var unsynced: Set<String> = []
        var hasNewNames = false
        var failsToSync = false
    }

    private let directory: DiskDirectory
    private let state = Mutex(State())

    init(path: String) throws { directory = try DiskDirectory(path: path) }

    /// Segments of the queue that a power cut could shorten.
    var unsynced: Set<String> { state.withLock { $0.unsynced.filter { $0.hasSuffix(".queue") } } }
    /// Whether a power cut could take a whole file.
    var hasNewNames: Bool { state.withLock { $0.hasNewNames } }

    func failToSync(_ fails: Bool) { state.withLock { $0.failsToSync = fails } }

    func list() throws(StorageError) -> [String] { try directory.list() }
    func read(_ name: String, limit: Int) throws(StorageError) -> [UInt8] { try directory.read(name, limit: limit) }
    func truncate(_ name: String, to size: Int) throws(StorageError) { try directory.truncate(name, to: size) }
    func rename(_ name: String, to newName: String) throws(StorageError) { try directory.rename(name, to: newName) }
    func remove(_ name: String) throws(StorageError) { try directory.remove(name) }

    func create(_ name: String) throws(StorageError) -> any StorageFile {
        let file = try directory.create(name)
        state.withLock { $0.hasNewNames = true }
        return File(file: file, name: name, directory: self)
    }

    func sync() throws(StorageError) {
        try check("sync folder", "")
        try directory.sync()
        state.withLock { $0.hasNewNames = false }
    }

    private func check(_ operation: String, _ name: String) throws(StorageError) {
        // EIO
        if state.withLock({ $0.failsToSync }) { throw StorageError(operation: operation, name: name, code: 5) }
    }

    private struct File: StorageFile {
        let file: any StorageFile
        let name: String
        let directory: WatchedDirectory

        func append(_ bytes: [UInt8]) throws(StorageError) {
            directory.state.withLock { _ = $0.unsynced.insert(name) }
            try file.append(bytes)
        }

        func truncate(to size: Int) throws(StorageError) { try file.truncate(to: size) }

        func sync() throws(StorageError) {
            try directory.check("sync", name)
            try file.sync()
            directory.state.withLock { _ = $0.unsynced.remove(name) }
        }
    }
}
