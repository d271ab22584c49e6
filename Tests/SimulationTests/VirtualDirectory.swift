// SPDX-License-Identifier: Apache-2.0

import TestSupport
import TimeSeries

/// The folder of the samples' log on a virtual disk.
struct VirtualDirectory: StorageDirectory, @unchecked Sendable {
    // Invariant: the simulation has one thread.
    let disk: VirtualDisk
    let prefix: String
    private let life: UInt64

    init(disk: VirtualDisk, prefix: String) {
        self.disk = disk
        self.prefix = prefix
        life = disk.life
    }

    private func check(
        _ isDone: @autoclosure () -> Bool,
        _ operation: String,
        _ name: String
    ) throws(StorageError) {
        if life != disk.life || !isDone() { throw StorageError(operation: operation, name: name, code: 28) }
    }

    func list() throws(StorageError) -> [String] {
        disk.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    func create(_ name: String) throws(StorageError) -> any StorageFile {
        try check(!disk.contains(prefix + name), "create", name)
        try check(disk.create(prefix + name), "create", name)
        return File(directory: self, name: name)
    }

    func read(_ name: String, limit: Int) throws(StorageError) -> [UInt8] {
        guard let bytes = disk.bytes(of: prefix + name) else {
            throw StorageError(operation: "read", name: name, code: 2)
        }
        return Array(bytes.prefix(limit))
    }

    func truncate(_ name: String, to size: Int) throws(StorageError) {
        try check(disk.truncate(prefix + name, to: size), "truncate", name)
    }

    func rename(_ name: String, to newName: String) throws(StorageError) {
        try check(disk.rename(prefix + name, to: prefix + newName), "rename", name)
    }

    func remove(_ name: String) throws(StorageError) { try check(disk.remove(prefix + name), "remove", name) }
    func sync() throws(StorageError) {}

    struct File: StorageFile {
        let directory: VirtualDirectory
        let name: String

        func append(_ bytes: [UInt8]) throws(StorageError) {
            try directory.check(directory.disk.append(bytes, to: directory.prefix + name), "write", name)
        }

        func truncate(to size: Int) throws(StorageError) { try directory.truncate(name, to: size) }

        func sync() throws(StorageError) {
            try directory.check(directory.disk.sync(directory.prefix + name), "sync", name)
        }
    }
}
