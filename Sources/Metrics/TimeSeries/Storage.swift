// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A disk operation that failed, in words that name the file.
package struct StorageError: Error, Hashable, Sendable, CustomStringConvertible {
    package let operation: String
    package let name: String
    package let code: Int32

    package init(operation: String, name: String, code: Int32) {
        self.operation = operation
        self.name = name
        self.code = code
    }

    package var description: String {
        let text = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error"
        return "\(operation) \(name): \(text) (errno \(code))"
    }
}

/// The folder that holds the log; the only door to the disk, so that tests can fail any operation.
package protocol StorageDirectory: Sendable {
    /// The names of the files in it, in no order.
    func list() throws(StorageError) -> [String]
    /// Makes a file that must not be there yet, for writing.
    func create(_ name: String) throws(StorageError) -> any StorageFile
    /// The whole content, up to `limit` bytes.
    func read(_ name: String, limit: Int) throws(StorageError) -> [UInt8]
    func truncate(_ name: String, to size: Int) throws(StorageError)
    func rename(_ name: String, to newName: String) throws(StorageError)
    func remove(_ name: String) throws(StorageError)
    /// Makes creations, renames and removals last.
    func sync() throws(StorageError)
}

/// A file that grows at its end. Closed when the last reference goes.
package protocol StorageFile: Sendable {
    /// Writes all bytes or throws; after a throw some of them may be there.
    func append(_ bytes: [UInt8]) throws(StorageError)
    func truncate(to size: Int) throws(StorageError)
    /// Returns when what was written is on the medium.
    func sync() throws(StorageError)
}

/// A folder of the real file system. Symbolic links in the place of its files are refused.
package struct DiskDirectory: StorageDirectory {
    package let path: String

    /// Makes the folder, readable by its owner alone, unless it is there.
    package init(path: String) throws(StorageError) {
        self.path = path
        if unsafe mkdir(path, 0o700) != 0, errno != EEXIST {
            throw StorageError(operation: "create folder", name: path, code: errno)
        }
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw StorageError(operation: "open folder", name: path, code: errno) }
        close(descriptor)
    }

    private func full(_ name: String) -> String { path + "/" + name }

    private func failure(_ operation: String, _ name: String) -> StorageError {
        StorageError(operation: operation, name: full(name), code: errno)
    }

    package func list() throws(StorageError) -> [String] {
        guard let folder = unsafe opendir(path) else { throw failure("list", "") }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    package func create(_ name: String) throws(StorageError) -> any StorageFile {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC
        let descriptor = unsafe Glibc.open(full(name), flags, 0o600)
        guard descriptor >= 0 else { throw failure("create", name) }
        return DiskFile(descriptor: descriptor, path: full(name))
    }

    package func read(_ name: String, limit: Int) throws(StorageError) -> [UInt8] {
        let descriptor = unsafe Glibc.open(full(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", name) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure("stat", name) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StorageError(operation: "open", name: full(name), code: EINVAL)
        }
        let size = min(Int(status.st_size), limit)
        var failed = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size, let start = buffer.baseAddress {
                let got = unsafe Glibc.read(descriptor, start + count, size - count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failed = true }
                if got <= 0 { return }
                count += got
            }
        }
        if failed { throw failure("read", name) }
        return bytes
    }

    package func truncate(_ name: String, to size: Int) throws(StorageError) {
        guard unsafe Glibc.truncate(full(name), size) == 0 else { throw failure("truncate", name) }
    }

    package func rename(_ name: String, to newName: String) throws(StorageError) {
        guard unsafe Glibc.rename(full(name), full(newName)) == 0 else { throw failure("rename", name) }
    }

    package func remove(_ name: String) throws(StorageError) {
        guard unsafe unlink(full(name)) == 0 else { throw failure("remove", name) }
    }

    package func sync() throws(StorageError) {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open folder", "") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("sync folder", "") }
    }
}

/// A file open for appending.
final class DiskFile: StorageFile {
    private let descriptor: Int32
    private let path: String

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    func append(_ bytes: [UInt8]) throws(StorageError) {
        let code: Int32 = unsafe bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count, let start = buffer.baseAddress {
                let written = unsafe write(descriptor, start + done, buffer.count - done)
                if written < 0, errno == EINTR { continue }
                if written < 0 { return errno }
                if written == 0 { return EIO }
                done += written
            }
            return 0
        }
        if code != 0 { throw StorageError(operation: "write", name: path, code: code) }
    }

    func truncate(to size: Int) throws(StorageError) {
        guard ftruncate(descriptor, size) == 0 else {
            throw StorageError(operation: "truncate", name: path, code: errno)
        }
    }

    func sync() throws(StorageError) {
        guard fdatasync(descriptor) == 0 else { throw StorageError(operation: "sync", name: path, code: errno) }
    }
}
