// SPDX-License-Identifier: Apache-2.0

import Glibc
import HealthChecks

/// What `/proc/<pid>` says, under the names that client libraries give to their own process.
struct ProcessStatistics: Sendable {
    let state: String
    let cpuSeconds: Double
    let startTime: Double?
    let threads: Double
    let virtualBytes: Double
    let residentBytes: Double?
    /// nil where the process is another user's.
    let openDescriptors: Double?
    let descriptorLimit: Double?

    /// nil when there is no such process.
    init?(_ identifier: Int) {
        let directory = "/proc/\(identifier)"
        guard let text = FileText.read(directory + "/stat"), let close = text.utf8.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        // The name in parentheses may hold anything, spaces and parentheses too; the fields after it count from 3.
        let fields = text[text.utf8.index(after: close)...].split(separator: " ").map(String.init)
        guard fields.count > 21 else { return nil }
        let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        state = fields[0]
        cpuSeconds = ((Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0)) / ticks
        threads = Double(fields[17]) ?? 0
        virtualBytes = Double(fields[20]) ?? 0
        residentBytes = Double(fields[21]).map { $0 * Double(max(1, sysconf(Int32(_SC_PAGESIZE)))) }
        let boot = FileText.lines("/proc/stat").first { $0.first == "btime" }.flatMap { Double($0.last ?? "") }
        startTime = boot.flatMap { boot in Double(fields[19]).map { boot + $0 / ticks } }
        openDescriptors = DirectoryList.count(directory + "/fd").map(Double.init)
        descriptorLimit = FileText.lines(directory + "/limits")
            .first { $0.count > 4 && $0[0] == "Max" && $0[1] == "open" }.flatMap { Double($0[3]) }
    }

    private static let cpu = CheckFamily("process_cpu_seconds_total", help: "CPU time used.", kind: .counter)

    var samples: [CheckSample] {
        var samples = [
            CheckSample(Self.cpu, [], cpuSeconds), CheckSample("process_threads", [], threads),
            CheckSample("process_virtual_memory_bytes", [], virtualBytes),
        ]
        if let residentBytes { samples.append(CheckSample("process_resident_memory_bytes", [], residentBytes)) }
        if let startTime { samples.append(CheckSample("process_start_time_seconds", [], startTime)) }
        if let openDescriptors { samples.append(CheckSample("process_open_fds", [], openDescriptors)) }
        if let descriptorLimit { samples.append(CheckSample("process_max_fds", [], descriptorLimit)) }
        return samples
    }
}

/// Names in a directory.
@safe enum DirectoryList {
    /// nil when it cannot be read.
    static func names(_ path: String, limit: Int = 1 << 20) -> [String]? {
        guard let directory = unsafe opendir(path) else { return nil }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while names.count < limit, let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    static func count(_ path: String) -> Int? { names(path)?.count }
}
