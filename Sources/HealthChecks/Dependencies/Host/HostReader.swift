// SPDX-License-Identifier: Apache-2.0

import Glibc
import HealthChecks

/// Reads `/proc` and `/sys` into samples with node_exporter's names.
struct HostReader: Sendable {
    private let configuration: HostCheckConfiguration

    init(_ configuration: HostCheckConfiguration) {
        self.configuration = configuration
    }

    func look() -> HostFinding {
        var finding = HostFinding()
        processors(&finding)
        memory(&finding)
        load(&finding)
        disks(&finding)
        network(&finding)
        pressure(&finding)
        descriptors(&finding)
        fileSystems(&finding)
        ControlGroupReader(configuration).append(to: &finding)
        return finding
    }

    private func proc(_ name: String) -> String { configuration.procPath + "/" + name }

    private func processors(_ finding: inout HostFinding) {
        // USER_HZ is 100 on every Linux that Swift runs on.
        let ticks = 100.0
        let modes = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"]
        for words in FileText.lines(proc("stat")) {
            guard let first = words.first else { continue }
            switch first {
            case "ctxt": add("node_context_switches_total", words, to: &finding, counter: true)
            case "intr": add("node_intr_total", words, to: &finding, counter: true)
            case "processes": add("node_forks_total", words, to: &finding, counter: true)
            case "btime": add("node_boot_time_seconds", words, to: &finding)
            case "procs_running": add("node_procs_running", words, to: &finding)
            case "procs_blocked": add("node_procs_blocked", words, to: &finding)
            default:
                guard first.hasPrefix("cpu") else { continue }
                // The line of all processors, or one line each.
                let number = first.dropFirst(3)
                guard number.isEmpty != configuration.perCPU else { continue }
                for (mode, word) in zip(modes, words.dropFirst()) {
                    guard let value = Double(word) else { continue }
                    let labels = [CheckLabel("cpu", number.isEmpty ? "all" : String(number)), CheckLabel("mode", mode)]
                    let family = CheckFamily("node_cpu_seconds_total", kind: .counter)
                    finding.samples.append(CheckSample(family, labels, value / ticks))
                }
            }
        }
    }

    private func memory(_ finding: inout HostFinding) {
        var total: Double?
        var available: Double?
        for words in FileText.lines(proc("meminfo")) where words.count >= 2 {
            guard let value = Double(words[1]) else { continue }
            var name = String(words[0].dropLast())
            name = name.replacingParentheses
            let bytes = words.count > 2 ? value * 1024 : value
            if name == "MemTotal" { total = bytes }
            if name == "MemAvailable" { available = bytes }
            let suffix = words.count > 2 ? "_bytes" : ""
            finding.samples.append(CheckSample(CheckFamily("node_memory_" + name + suffix), [], bytes))
        }
        if let total, let available, total > 0 { finding.memoryUsed = 1 - available / total }
        for words in FileText.lines(proc("vmstat")) where words.count == 2 {
            let wanted: Set<Substring> = [
                "oom_kill", "pgfault", "pgmajfault", "pgpgin", "pgpgout", "pswpin", "pswpout",
            ]
            guard wanted.contains(words[0]), let value = Double(words[1]) else { continue }
            finding.samples.append(CheckSample(CheckFamily("node_vmstat_\(words[0])", kind: .untyped), [], value))
        }
    }

    private func load(_ finding: inout HostFinding) {
        guard let words = FileText.lines(proc("loadavg")).first else { return }
        for (name, word) in zip(["node_load1", "node_load5", "node_load15"], words) {
            if let value = Double(word) { finding.samples.append(CheckSample(CheckFamily(name), [], value)) }
        }
    }

    /// Whole disks and partitions that have done anything, without the kernel's memory disks.
    private func disks(_ finding: inout HostFinding) {
        for words in FileText.lines(proc("diskstats")) where words.count >= 14 {
            let device = String(words[2])
            guard !device.hasPrefix("ram"), !device.hasPrefix("loop"), !device.hasPrefix("fd") else { continue }
            let labels = [CheckLabel("device", device)]
            let columns: [(String, Int, Double)] = [
                ("node_disk_reads_completed_total", 3, 1), ("node_disk_read_bytes_total", 5, 512),
                ("node_disk_read_time_seconds_total", 6, 1e-3), ("node_disk_writes_completed_total", 7, 1),
                ("node_disk_written_bytes_total", 9, 512), ("node_disk_write_time_seconds_total", 10, 1e-3),
                ("node_disk_io_time_seconds_total", 12, 1e-3), ("node_disk_io_time_weighted_seconds_total", 13, 1e-3),
            ]
            for (name, column, factor) in columns {
                guard let value = Double(words[column]) else { continue }
                finding.samples.append(CheckSample(CheckFamily(name, kind: .counter), labels, value * factor))
            }
            if let value = Double(words[11]) { finding.samples.append(CheckSample("node_disk_io_now", labels, value)) }
        }
    }

    private func network(_ finding: inout HostFinding) {
        for words in FileText.lines(proc("net/dev")) {
            // "eth0:123 …" without a space occurs where the number is long.
            let joined = words.joined(separator: " ")
            guard let colon = joined.utf8.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let labels = [CheckLabel("device", String(joined[..<colon]))]
            let values = joined[joined.utf8.index(after: colon)...].split(separator: " ").compactMap { Double($0) }
            guard values.count >= 16 else { continue }
            let columns: [(String, Int)] = [
                ("node_network_receive_bytes_total", 0), ("node_network_receive_packets_total", 1),
                ("node_network_receive_errs_total", 2), ("node_network_receive_drop_total", 3),
                ("node_network_transmit_bytes_total", 8), ("node_network_transmit_packets_total", 9),
                ("node_network_transmit_errs_total", 10), ("node_network_transmit_drop_total", 11),
            ]
            for (name, column) in columns {
                finding.samples.append(CheckSample(CheckFamily(name, kind: .counter), labels, values[column]))
            }
        }
        for words in FileText.lines(proc("net/sockstat")) where words.first == "TCP:" {
            for index in stride(from: 1, to: words.count - 1, by: 2) {
                guard let value = Double(words[index + 1]) else { continue }
                finding.samples.append(CheckSample(CheckFamily("node_sockstat_TCP_\(words[index])"), [], value))
            }
        }
    }

    private func pressure(_ finding: inout HostFinding) {
        for resource in ["cpu", "memory", "io"] {
            for words in FileText.lines(proc("pressure/" + resource)) {
                guard let total = words.last?.split(separator: "=").last.flatMap({ Double($0) }) else { continue }
                let isFull = words.first == "full"
                // All processors stalled is no state that the kernel reports for the machine as a whole.
                if isFull, resource == "cpu" { continue }
                let name = "node_pressure_\(resource)_\(isFull ? "stalled" : "waiting")_seconds_total"
                finding.samples.append(CheckSample(CheckFamily(name, kind: .counter), [], total / 1e6))
            }
        }
    }

    private func descriptors(_ finding: inout HostFinding) {
        guard let words = FileText.lines(proc("sys/fs/file-nr")).first, words.count == 3 else { return }
        if let value = Double(words[0]) { finding.samples.append(CheckSample("node_filefd_allocated", [], value)) }
        if let value = Double(words[2]) { finding.samples.append(CheckSample("node_filefd_maximum", [], value)) }
    }

    private func fileSystems(_ finding: inout HostFinding) {
        var seen: Set<String> = []
        for words in FileText.lines(proc("self/mounts")) where words.count >= 3 {
            let device = unescaped(words[0]), mount = unescaped(words[1]), kind = String(words[2])
            guard !virtualKinds.contains(kind), !isExcluded(mount), seen.insert(mount).inserted else { continue }
            let root = configuration.rootPath == "/" ? "" : configuration.rootPath
            guard let usage = FileSystemUsage(device: device, mountPoint: mount, kind: kind, path: root + mount) else {
                continue
            }
            finding.fileSystems.append(usage)
            let labels = [CheckLabel("device", device), CheckLabel("mountpoint", mount), CheckLabel("fstype", kind)]
            finding.samples += [
                CheckSample("node_filesystem_size_bytes", labels, usage.size),
                CheckSample("node_filesystem_free_bytes", labels, usage.free),
                CheckSample("node_filesystem_avail_bytes", labels, usage.available),
                CheckSample("node_filesystem_files", labels, usage.files),
                CheckSample("node_filesystem_files_free", labels, usage.filesFree),
                CheckSample("node_filesystem_readonly", labels, usage.isReadOnly ? 1 : 0),
            ]
        }
        // A read-only image of fixed size is always full. What is only mounted read-only here, as everything is in a hardened
        // service's own namespace, is none.
        let images = readOnlyImages()
        finding.fileSystems.removeAll { images?.contains($0.mountPoint) ?? $0.isReadOnly }
    }

    /// Where the file system itself is read-only, whatever the mount is; nil where the kernel does not tell.
    private func readOnlyImages() -> Set<String>? {
        let lines = FileText.lines(proc("self/mountinfo"))
        guard !lines.isEmpty else { return nil }
        var images: Set<String> = []
        // identifier parent device root mountpoint options fields… - kind source options
        for words in lines where words.count > 9 {
            guard let dash = words[6...].firstIndex(of: "-"), dash + 3 < words.count,
                words[dash + 3].split(separator: ",").contains("ro")
            else { continue }
            images.insert(unescaped(words[4]))
        }
        return images
    }

    private func isExcluded(_ mount: String) -> Bool {
        configuration.excludedMounts.contains { mount == $0 || mount.hasPrefix($0 + "/") }
    }

    private func add(_ name: String, _ words: [Substring], to finding: inout HostFinding, counter: Bool = false) {
        guard words.count >= 2, let value = Double(words[1]) else { return }
        finding.samples.append(CheckSample(CheckFamily(name, kind: counter ? .counter : .gauge), [], value))
    }
}

/// File systems without a medium.
private let virtualKinds: Set<String> = [
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "fusectl",
    "hugetlbfs", "iso9660", "mqueue", "nsfs", "overlay", "proc", "procfs", "pstore", "rpc_pipefs", "securityfs",
    "selinuxfs", "squashfs", "sysfs", "tracefs",
]

/// `\040` and the like, as `/proc/mounts` writes a space.
private func unescaped(_ word: Substring) -> String {
    var bytes: [UInt8] = []
    let source = Array(word.utf8)
    var index = 0
    while index < source.count {
        if source[index] == UInt8(ascii: "\\"), index + 3 < source.count,
            let value = UInt8(String(decoding: source[(index + 1)...(index + 3)], as: UTF8.self), radix: 8)
        {
            bytes.append(value)
            index += 4
        } else {
            bytes.append(source[index])
            index += 1
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

extension String {
    /// `Active(anon)` → `Active_anon`, as node_exporter writes it.
    fileprivate var replacingParentheses: String {
        var bytes: [UInt8] = []
        for byte in utf8 where byte != UInt8(ascii: ")") {
            bytes.append(byte == UInt8(ascii: "(") ? UInt8(ascii: "_") : byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
