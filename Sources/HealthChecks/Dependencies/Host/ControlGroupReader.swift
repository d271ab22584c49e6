// SPDX-License-Identifier: Apache-2.0

import HealthChecks

/// Reads the limits and the use of the control group (version 2) that this process is in, with cAdvisor's names.
struct ControlGroupReader {
    private let directory: String?

    init(_ configuration: HostCheckConfiguration) {
        let line = FileText.read(configuration.procPath + "/self/cgroup")?.split(separator: "\n").first {
            $0.hasPrefix("0::")
        }
        guard let path = line?.dropFirst(3) else {
            directory = nil
            return
        }
        let root = configuration.sysPath + "/fs/cgroup"
        // In a container's own namespace the path is "/".
        let candidates = [root + String(path), root]
        directory = candidates.first { FileText.bytes($0 + "/cgroup.controllers", limit: 1) != nil }
    }

    func append(to finding: inout HostFinding) {
        guard let directory else { return }
        func add(_ name: String, _ value: Double?, counter: Bool = false) {
            guard let value else { return }
            finding.samples.append(CheckSample(CheckFamily(name, kind: counter ? .counter : .gauge), [], value))
        }
        let used = FileText.number(directory + "/memory.current")
        let limit = FileText.number(directory + "/memory.max")
        add("container_memory_usage_bytes", used)
        add("container_spec_memory_limit_bytes", limit)
        var inactive = 0.0
        for words in FileText.lines(directory + "/memory.stat") where words.count == 2 && words[0] == "inactive_file" {
            inactive = Double(words[1]) ?? 0
        }
        if let used {
            // What the kernel can drop at once is not in use.
            add("container_memory_working_set_bytes", max(0, used - inactive))
            if let limit, limit > 0 {
                finding.memoryUsed = max(finding.memoryUsed ?? 0, max(0, used - inactive) / limit)
            }
        }
        for words in FileText.lines(directory + "/memory.events") where words.count == 2 && words[0] == "oom_kill" {
            add("container_oom_events_total", Double(words[1]), counter: true)
        }
        for words in FileText.lines(directory + "/cpu.stat") where words.count == 2 {
            guard let value = Double(words[1]) else { continue }
            switch words[0] {
            case "usage_usec": add("container_cpu_usage_seconds_total", value / 1e6, counter: true)
            case "user_usec": add("container_cpu_user_seconds_total", value / 1e6, counter: true)
            case "system_usec": add("container_cpu_system_seconds_total", value / 1e6, counter: true)
            case "nr_periods": add("container_cpu_cfs_periods_total", value, counter: true)
            case "nr_throttled": add("container_cpu_cfs_throttled_periods_total", value, counter: true)
            case "throttled_usec": add("container_cpu_cfs_throttled_seconds_total", value / 1e6, counter: true)
            default: break
            }
        }
        let share = FileText.lines(directory + "/cpu.max").first ?? []
        if share.count == 2, let quota = Double(share[0]), let period = Double(share[1]), period > 0 {
            add("container_spec_cpu_quota", quota)
            add("container_spec_cpu_period", period)
        }
        add("container_processes", FileText.number(directory + "/pids.current"))
        for resource in ["cpu", "memory", "io"] {
            for words in FileText.lines(directory + "/\(resource).pressure") {
                guard let total = words.last?.split(separator: "=").last.flatMap({ Double($0) }) else { continue }
                let kind = words.first == "full" ? "stalled" : "waiting"
                add("container_pressure_\(resource)_\(kind)_seconds_total", total / 1e6, counter: true)
            }
        }
    }
}
