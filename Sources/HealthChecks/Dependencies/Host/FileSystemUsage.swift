// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How full a file system is. Free for users is less than free: the root's reserve does not count.
struct FileSystemUsage: Sendable {
    var device: String
    var mountPoint: String
    var kind: String
    var size = 0.0
    var free = 0.0
    var available = 0.0
    var files = 0.0
    var filesFree = 0.0
    var isReadOnly = false

    init?(device: String, mountPoint: String, kind: String, path: String) {
        var usage = statvfs()
        guard unsafe statvfs(path, &usage) == 0 else { return nil }
        self.device = device
        self.mountPoint = mountPoint
        self.kind = kind
        let block = Double(usage.f_frsize)
        size = Double(usage.f_blocks) * block
        free = Double(usage.f_bfree) * block
        available = Double(usage.f_bavail) * block
        files = Double(usage.f_files)
        filesFree = Double(usage.f_ffree)
        isReadOnly = usage.f_flag & UInt(ST_RDONLY) != 0
    }

    var usedSpace: Double { size > 0 ? 1 - available / size : 0 }

    var usedFiles: Double { files > 0 ? 1 - filesFree / files : 0 }

    var fullest: Double { max(usedSpace, usedFiles) }

    var text: String {
        let isSpace = usedSpace >= usedFiles
        return "\(mountPoint): \(Int((fullest * 100).rounded(.down))) % of \(isSpace ? "space" : "inodes") used"
    }
}
