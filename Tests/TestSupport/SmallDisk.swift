// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A file system of its own with a fixed size, for tests of a disk that is full or read-only. Needs root.
package final class SmallDisk: Sendable {
    package let path: String
    private let directory: TemporaryDirectory

    package init(bytes: Int) throws {
        directory = try TemporaryDirectory("disk")
        path = directory.path
        guard unsafe mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0 else {
            throw TestSupportError("cannot mount a tmpfs on \(path): errno \(errno)")
        }
    }

    deinit { unsafe umount2(path, Int32(MNT_DETACH)) }

    /// From now on nothing can be written, or again.
    package func setReadOnly(_ isReadOnly: Bool) throws {
        let flags = UInt(MS_REMOUNT) | (isReadOnly ? UInt(MS_RDONLY) : 0)
        guard unsafe mount("tmpfs", path, "tmpfs", flags, nil) == 0 else {
            throw TestSupportError("cannot remount \(path): errno \(errno)")
        }
    }

    /// True where such a disk can be made.
    package static var isPossible: Bool { getuid() == 0 }
}
