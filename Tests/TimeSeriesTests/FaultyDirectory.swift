// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TimeSeries

/// A folder in memory whose Nth operation, and all after it if asked, fail.
final class FaultyDirectory: StorageDirectory {
    struct State {
        var files: [String: [UInt8]] = [:]
        /// What has been synced.
        var operations = 0
        var failFrom = Int.max
        var failFor = 0
        var shortWrites = false
        var syncs = 0
    }

    let state = Mutex(State())

    init(files: [String: [UInt8]] = [:]) { state.withLock { $0.files = files } }

    var files: [String: [UInt8]] { state.withLock { $0.files } }

    /// Fails `count` operations from now on, after `skip` more.
    func fail(after skip: Int, count: Int, shortWrites: Bool = false) {
        state.withLock {
            $0.failFrom = $0.operations + skip
            $0.failFor = count
            $0.shortWrites = shortWrites
        }
    }

    func operation(_ name: String, _ file: String, _ body: (inout State, Bool) -> Void) throws(StorageError) {
        let isFailing = state.withLock { state in
            let isFailing = state.operations >= state.failFrom && state.operations < state.failFrom + state.failFor
            state.operations += 1
            body(&state, isFailing)
            return isFailing
        }
        if isFailing { throw StorageError(operation: name, name: file, code: 28) }
    }

    func list() throws(StorageError) -> [String] {
        try operation("list", "") { _, _ in }
        return files.keys.sorted()
    }

    func create(_ name: String) throws(StorageError) -> any StorageFile {
        var exists = false
        try operation("create", name) { state, isFailing in
            exists = state.files[name] != nil
            if !isFailing, !exists { state.files[name] = [] }
        }
        if exists { throw StorageError(operation: "create", name: name, code: 17) }
        return File(directory: self, name: name)
    }

    func read(_ name: String, limit: Int) throws(StorageError) -> [UInt8] {
        try operation("read", name) { _, _ in }
        guard let bytes = files[name] else { throw StorageError(operation: "read", name: name, code: 2) }
        return bytes
    }

    func truncate(_ name: String, to size: Int) throws(StorageError) {
        try operation("truncate", name) { state, isFailing in
            if !isFailing, let bytes = state.files[name] { state.files[name] = Array(bytes.prefix(size)) }
        }
    }

    func rename(_ name: String, to newName: String) throws(StorageError) {
        try operation("rename", name) { state, isFailing in
            if !isFailing { state.files[newName] = state.files.removeValue(forKey: name) }
        }
    }

    func remove(_ name: String) throws(StorageError) {
        try operation("remove", name) { state, isFailing in if !isFailing { state.files[name] = nil } }
    }

    func sync() throws(StorageError) { try operation("sync", "") { state, _ in state.syncs += 1 } }

    struct File: StorageFile {
        let directory: FaultyDirectory
        let name: String

        func append(_ bytes: [UInt8]) throws(StorageError) {
            try directory.operation("write", name) { state, isFailing in
                if !isFailing {
                    state.files[name, default: []] += bytes
                } else if state.shortWrites {
                    state.files[name, default: []] += bytes.prefix(bytes.count / 2)
                }
            }
        }

        func truncate(to size: Int) throws(StorageError) { try directory.truncate(name, to: size) }

        func sync() throws(StorageError) { try directory.operation("sync", name) { state, _ in state.syncs += 1 } }
    }
}
