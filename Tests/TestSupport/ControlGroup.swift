// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A control group (version 2) of the machine's own, as systemd would make it for a service.
package final class ControlGroup: Sendable {
    /// Where version 2 is mounted and may be written to; nil where it is not.
    package static let root: String? = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].first { path in
        unsafe access(path + "/cgroup.controllers", R_OK) == 0 && access(path, W_OK) == 0
    }

    /// The unit's name.
    package let unit: String
    /// Below the root.
    package let path: String
    private let directory: String
    private let slice: String
    private let hasMadeSlice: Bool

    package init() throws {
        guard let root = Self.root else { throw TestSupportError("no control groups of version 2") }
        unit = "sidecar-test-\(UInt32.random(in: .min ... .max)).service"
        slice = root + "/system.slice"
        path = "/system.slice/" + unit
        directory = root + path
        hasMadeSlice = unsafe mkdir(slice, 0o755) == 0
        guard unsafe mkdir(directory, 0o755) == 0 else { throw TestSupportError("mkdir: errno \(errno)") }
    }

    deinit {
        unsafe rmdir(directory)
        if hasMadeSlice { unsafe rmdir(slice) }
    }

    /// Moves a process in.
    package func take(_ process: Int32) throws {
        try Data("\(process)\n".utf8).write(to: URL(fileURLWithPath: directory + "/cgroup.procs"), options: [])
    }

    /// A line of `cpu.stat`, in seconds.
    package func cpuSeconds(_ name: String = "usage_usec") throws -> Double {
        let text = try String(contentsOfFile: directory + "/cpu.stat", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        guard let line, let value = Double(line.dropFirst(name.count + 1)) else { throw TestSupportError(text) }
        return value / 1e6
    }
}
