// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Says that a data directory is ours, as long as it lives: two programs that write one log would spoil it. The lock goes
/// with the process, however that ends.
final class DirectoryLock: Sendable {
    enum Outcome {
        case held(DirectoryLock)
        /// By another process; its number, when it can be read.
        case taken(by: String)
        /// The file system does not let us: then it takes no writes either.
        case impossible
    }

    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    static func take(_ directory: String) -> Outcome {
        let descriptor = unsafe open(directory + "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { return .impossible }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let isTaken = errno == EWOULDBLOCK
            defer { close(descriptor) }
            return isTaken ? .taken(by: owner(descriptor)) : .impossible
        }
        let text = Array("\(getpid())\n".utf8)
        _ = ftruncate(descriptor, 0)
        _ = unsafe text.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        return .held(DirectoryLock(descriptor: descriptor))
    }

    /// The process that holds the lock of a directory now; nil when nobody does.
    static func owner(of directory: String) -> String? {
        let descriptor = unsafe open(directory + "/lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK else { return nil }
        return owner(descriptor)
    }

    private static func owner(_ descriptor: Int32) -> String {
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
            count = unsafe max(0, read(descriptor, buffer.baseAddress, buffer.count))
        }
        let digits = bytes.prefix { (48...57).contains($0) }
        return digits.isEmpty ? "unknown" : String(decoding: digits, as: UTF8.self)
    }
}

extension Sidecar {
    /// Nil when there is no directory, or one that cannot be locked.
    static func lock(_ files: DataDirectory) throws(StartProblem) -> DirectoryLock? {
        guard let path = files.path else { return nil }
        switch DirectoryLock.take(path) {
        case .held(let lock): return lock
        case .impossible: return nil
        case .taken(let owner):
            throw StartProblem(description: "\(path): data directory in use by process \(owner)")
        }
    }
}
