// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import HealthChecks
import Synchronization

/// Which process to look at.
package struct ProcessCheckConfiguration: Sendable {
    package enum Target: Hashable, Sendable {
        case pidFile(String)
        /// A systemd unit, found by its control group.
        case unit(String)
        /// Whoever listens on this TCP port of the machine.
        case port(UInt16)
    }

    package var target: Target
    /// Shares of the limit of open files.
    package var descriptorWarning: Double? = 0.8
    package var maximumMemory: Int?

    package init(target: Target) {
        self.target = target
    }
}

/// Looks at the service's own process: whether it lives, and what it takes.
package typealias ProcessCheck = ProbeCheck<BlockingProbe<ProcessFinding>>

extension ProbeCheck where Probe == BlockingProbe<ProcessFinding> {
    package convenience init(
        name: String,
        _ configuration: ProcessCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        let instance: String
        switch configuration.target {
        case .pidFile(let path):
            guard path.hasPrefix("/") else { throw CheckConfigurationError("pid_file: expected an absolute path") }
            instance = path
        case .unit(let unit):
            guard !unit.isEmpty, !unit.contains("/") else { throw CheckConfigurationError("unit: expected a unit") }
            instance = unit
        case .port(let port): instance = "port \(port)"
        }
        let finder = ProcessFinder(configuration.target)
        let probe = BlockingProbe<ProcessFinding>(
            late: { .down(.timeout, "/proc does not answer", duration: $0, samples: ProcessFinding.downSamples) },
            work: { _ in ProcessFinding.look(finder) },
            result: { $0.result(configuration, duration: $1) }
        )
        self.init(name: name, kind: "process", instance: instance, probe: probe, in: environment)
    }
}

/// What was seen of a process.
package struct ProcessFinding: Sendable {
    private var isFound = false
    private var isZombie = false
    private var hasStalePidFile = false
    private var statistics: ProcessStatistics?

    static let downSamples = [CheckSample("process_up", [], 0)]

    static func look(_ finder: ProcessFinder) -> ProcessFinding {
        var finding = ProcessFinding()
        guard let identifier = finder.find() else { return finding }
        finding.isFound = true
        finding.statistics = ProcessStatistics(identifier)
        finding.hasStalePidFile = finding.statistics == nil
        finding.isZombie = finding.statistics?.state == "Z"
        return finding
    }

    func result(_ configuration: ProcessCheckConfiguration, duration: Duration) -> CheckResult {
        guard isFound, let statistics, !isZombie else {
            let text = isZombie ? "a zombie" : hasStalePidFile ? "its pid is nobody's" : "not running"
            return .down(.missing, text, duration: duration, samples: Self.downSamples)
        }
        let samples = [CheckSample("process_up", [], 1)] + statistics.samples
        if statistics.state == "T" {
            return .down(.stalled, "stopped by a signal", duration: duration, samples: samples)
        }
        if let maximum = configuration.maximumMemory, let memory = statistics.residentBytes, memory > Double(maximum) {
            let text = "takes more memory than allowed"
            return .degraded(.threshold, text, duration: duration, samples: samples)
        }
        if let warning = configuration.descriptorWarning, let open = statistics.openDescriptors,
            let limit = statistics.descriptorLimit, limit > 0, open / limit > warning
        {
            let text = "\(Int64(open)) of \(Int64(limit)) file descriptors are open"
            return .degraded(.localResource, text, duration: duration, samples: samples)
        }
        return .up(duration: duration, samples: samples)
    }
}
