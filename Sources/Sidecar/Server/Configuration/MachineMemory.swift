// SPDX-License-Identifier: Apache-2.0

/// Memory that this process may come to use: the machine's, and the limit of the control group that it runs in.
package struct MachineMemory: Sendable, Equatable {
    /// Bytes; nil where `/proc` does not say.
    package var installed: Int?
    /// Bytes; nil without a limit.
    package var groupLimit: Int?

    package init(installed: Int?, groupLimit: Int?) {
        self.installed = installed
        self.groupLimit = groupLimit
    }

    /// Reads `/proc` and the control groups, of both versions.
    package init(_ files: FileAccess) {
        installed = Self.lines(files, "/proc/meminfo").first { $0.first == "MemTotal:" }.flatMap { words in
            words.count > 1 ? Int(words[1]).map { $0.multipliedReportingOverflow(by: 1024).partialValue } : nil
        }
        var limits: [Int] = []
        for line in Self.lines(files, "/proc/self/cgroup") {
            // hierarchy:controllers:path
            let parts = line.joined(separator: " ").split(
                separator: ":",
                maxSplits: 2,
                omittingEmptySubsequences: false
            )
            guard parts.count == 3 else { continue }
            let controllers = parts[1].split(separator: ",")
            if parts[1].isEmpty {
                limits += Self.limits(files, "/sys/fs/cgroup", parts[2], "memory.max")
            } else if controllers.contains("memory") {
                limits += Self.limits(files, "/sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes")
            }
        }
        groupLimit = limits.min()
    }

    /// What the store may take when nothing is configured: a sixteenth of the machine, a quarter of the control group,
    /// at least 64 MiB and at most 256 MiB.
    package var storeLimit: Int {
        let share = [installed.map { $0 / 16 }, groupLimit.map { $0 / 4 }].compactMap { $0 }.min() ?? 0
        return Swift.min(Swift.max(share, 64 << 20), 256 << 20)
    }

    /// The limits of a group and of those that it is in. A container sees its own group as the root.
    private static func limits(_ files: FileAccess, _ root: String, _ path: Substring, _ name: String) -> [Int] {
        var folders = [root]
        for part in path.split(separator: "/").prefix(32) where part != ".." {
            folders.append(folders[folders.count - 1] + "/" + part)
        }
        return folders.compactMap { folder in
            guard let limit = lines(files, folder + "/" + name).first?.first.flatMap({ Int($0) }) else { return nil }
            // Version 1 says "no limit" by a number that no machine has.
            return limit > 0 && limit < 1 << 50 ? limit : nil
        }
    }

    private static func lines(_ files: FileAccess, _ path: String) -> [[Substring]] {
        guard let bytes = files.read(path) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
            $0.split(whereSeparator: { $0 == " " || $0 == "\t" })
        }
    }
}
