// SPDX-License-Identifier: Apache-2.0

import Exposition
import Glibc

/// Numbers that the kernel keeps about this process, in the names that all client libraries use.
struct ProcessSnapshot: Sendable {
    var cpuSeconds: Double?
    var openDescriptors: Double?
    var maxDescriptors: Double?
    var virtualBytes: Double?
    var maxVirtualBytes: Double?
    var residentBytes: Double?
    var startSeconds: Double?
    var threads: Double?

    /// Reads `/proc/self`; what cannot be read stays out.
    static func read() -> ProcessSnapshot {
        var result = ProcessSnapshot()
        if let stat = ProcFile.read("/proc/self/stat") { result.apply(stat: stat, boot: bootSeconds) }
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            result.maxDescriptors = number(limit.rlim_cur)
        }
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 {
            result.maxVirtualBytes = number(limit.rlim_cur)
        }
        result.openDescriptors = ProcFile.countEntries("/proc/self/fd").map { Double($0) }
        return result
    }

    private static func number(_ limit: rlim_t) -> Double {
        limit == rlim_t.max ? .infinity : Double(limit)
    }

    /// Fields of `proc(5)`, counted from behind the command, which is in parentheses and may contain anything.
    mutating func apply(stat: String, boot: Double?) {
        guard let end = stat.utf8.lastIndex(of: UInt8(ascii: ")")) else { return }
        let fields = stat.utf8[stat.utf8.index(after: end)...].split(separator: UInt8(ascii: " ")).map { field in
            Double(String(decoding: field.prefix { $0 > 0x20 }, as: UTF8.self))
        }
        guard fields.count >= 22 else { return }
        let ticks = Double(max(1, sysconf(CInt(_SC_CLK_TCK))))
        if let user = fields[11], let system = fields[12] { cpuSeconds = (user + system) / ticks }
        threads = fields[17]
        if let boot, let started = fields[19] { startSeconds = boot + started / ticks }
        virtualBytes = fields[20]
        residentBytes = fields[21].map { $0 * Double(max(1, sysconf(CInt(_SC_PAGESIZE)))) }
    }

    /// When the machine started; read once, so that the start time never changes.
    private static let bootSeconds: Double? = {
        guard let stat = ProcFile.read("/proc/stat") else { return nil }
        for line in stat.utf8.split(separator: UInt8(ascii: "\n")) where line.starts(with: "btime ".utf8) {
            return Double(String(decoding: line.dropFirst(6), as: UTF8.self))
        }
        return nil
    }()
}

/// The `process_*` metrics. One reading serves all of them.
final class ProcessCollector: MetricCollector {
    let header: FamilyHeader
    private let value: @Sendable (ProcessSnapshot) -> Double?
    private let source: Source

    /// The newest reading; the eight families of one rendering share it.
    final class Source: Sendable {
        private let state = Guarded<(snapshot: ProcessSnapshot, readAt: Int64)?>(nil)
        private static let freshNanoseconds: Int64 = 50_000_000

        var snapshot: ProcessSnapshot {
            let now = SystemTime.monotonicNanoseconds()
            let known = state.withLock { state in
                state.flatMap { now &- $0.readAt < Self.freshNanoseconds ? $0.snapshot : nil }
            }
            if let known { return known }
            let snapshot = ProcessSnapshot.read()
            state.withLock { $0 = (snapshot, now) }
            return snapshot
        }
    }

    private init(_ header: FamilyHeader, _ source: Source, _ value: @escaping @Sendable (ProcessSnapshot) -> Double?) {
        self.header = header
        self.source = source
        self.value = value
    }

    func write(to writer: inout ExpositionWriter, created: Bool) {
        guard let value = value(source.snapshot) else { return }
        writer.begin(header)
        writer.write(.none, value: value)
    }

    func snapshot() -> MetricFamily? {
        MetricFamily(header: header, values: value(source.snapshot).map { [(.none, $0)] } ?? [])
    }

    func removeIdle(now: Int64, timeoutMilliseconds: Int64) -> Int { 0 }

    static func all() -> [ProcessCollector] {
        let source = Source()
        func family(
            _ name: String,
            _ kind: MetricKind,
            _ unit: String?,
            _ help: String,
            _ value: @escaping @Sendable (ProcessSnapshot) -> Double?
        ) -> ProcessCollector {
            let header = FamilyHeader(name: "process_" + name, kind: kind, help: help, unit: unit)
            return ProcessCollector(header, source, value)
        }
        return [
            family("cpu_seconds_total", .counter, "seconds", "User and system CPU time spent.") { $0.cpuSeconds },
            family("open_fds", .gauge, nil, "Open file descriptors.") { $0.openDescriptors },
            family("max_fds", .gauge, nil, "Most file descriptors that may be open.") { $0.maxDescriptors },
            family("virtual_memory_bytes", .gauge, "bytes", "Virtual memory.") { $0.virtualBytes },
            family("virtual_memory_max_bytes", .gauge, "bytes", "Most virtual memory.") { $0.maxVirtualBytes },
            family("resident_memory_bytes", .gauge, "bytes", "Resident memory.") { $0.residentBytes },
            family("start_time_seconds", .gauge, "seconds", "Unix time of the start.") { $0.startSeconds },
            family("threads", .gauge, nil, "Threads.") { $0.threads },
        ]
    }
}

extension MetricsRegistry {
    /// Adds `process_cpu_seconds_total`, `process_resident_memory_bytes` and the other metrics of the process.
    public func registerProcessMetrics() {
        for collector in ProcessCollector.all() where !register(collector) {
            reporter.report(.conflict(family: collector.header.name, what: "the name is taken"))
        }
    }

    /// Adds `build_info`: which program this is.
    /// - Parameters:
    ///   - version: its version.
    ///   - revision: the commit it was built from.
    ///   - labels: further facts.
    public func registerBuildInfo(
        version: String,
        revision: String = "",
        labels: [(name: String, value: String)] = []
    ) {
        let facts = [("version", version), ("revision", revision), ("swiftversion", Self.swiftVersion)]
        info("build_info", help: "Version of the program.", labels: facts + labels)
    }

    /// Adds `target_info`: OpenTelemetry's resource attributes, with underscores.
    /// - Parameters:
    ///   - serviceName: `service.name`.
    ///   - serviceVersion: `service.version`.
    ///   - instanceID: `service.instance.id`.
    ///   - attributes: further attributes.
    public func registerTargetInfo(
        serviceName: String,
        serviceVersion: String = "",
        instanceID: String = "",
        attributes: [(name: String, value: String)] = []
    ) {
        let facts = [
            ("service_name", serviceName), ("service_version", serviceVersion), ("service_instance_id", instanceID),
        ]
        let others = attributes.map { (MetricNames.sanitized($0.name, isLabel: true), $0.value) }
        info("target_info", help: "What is monitored.", labels: facts + others)
    }

    private static var swiftVersion: String {
        #if compiler(>=6.4)
        "6.4 or newer"
        #elseif compiler(>=6.3)
        "6.3"
        #else
        "6.2 or older"
        #endif
    }
}
