// SPDX-License-Identifier: Apache-2.0

/// What of the machine, or the container, to look at.
package struct HostCheckConfiguration: Sendable {
    /// Where `/proc`, `/sys` and the mounted file systems are found; other than `/` in tests and in containers.
    package var procPath = "/proc"
    package var sysPath = "/sys"
    package var rootPath = "/"
    /// Series of every processor, not of all together.
    package var perCPU = false
    /// A mount point below one of these is passed over.
    package var excludedMounts = ["/dev", "/proc", "/run", "/sys", "/var/lib/docker", "/var/lib/containers"]
    /// Used share of a file system's space or inodes that is degraded (`threshold`), and that is down (`full`).
    package var diskWarning = 0.85
    package var diskCritical = 0.95
    package var memoryCritical = 0.98

    package init() {}
}

/// Which file system to look at.
package struct DiskCheckConfiguration: Sendable {
    package var path: String
    package var warning = 0.85
    package var critical = 0.95
    /// Writes, syncs and removes a small file in `path` in each attempt.
    package var writes = false

    package init(path: String) {
        self.path = path
    }
}
