// SPDX-License-Identifier: Apache-2.0

import EventLoop
package import HealthChecks

/// Looks at the machine, or the container, the process runs in: processors, memory, disks, network, pressure.
package final class HostCheck: DependencyCheck {
    package let name: String
    package let kind = "host"
    package let instance: String
    private let probe: LoopBound<BlockingProbe<HostFinding>>

    package init(
        name: String,
        _ configuration: HostCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        self.name = name
        let node = FileText.read(configuration.procPath + "/sys/kernel/hostname")
        instance = node.flatMap { $0.split(separator: "\n").first.map(String.init) } ?? "localhost"
        let reader = HostReader(configuration)
        let probe = BlockingProbe<HostFinding>(
            late: { .down(.timeout, "a file system does not answer", duration: $0) },
            work: { _ in reader.look() },
            result: { $0.result(configuration, duration: $1) }
        )
        self.probe = LoopBound(probe, on: environment.loop)
    }

    package func begin(deadline: Duration, completion: @escaping @Sendable (CheckResult) -> Void) {
        probe.begin(deadline: deadline, completion: completion)
    }
}

/// What was seen of the machine.
struct HostFinding: Sendable {
    var samples: [CheckSample] = []
    var fileSystems: [FileSystemUsage] = []
    var memoryUsed: Double?

    func result(_ configuration: HostCheckConfiguration, duration: Duration) -> CheckResult {
        for usage in fileSystems {
            if usage.fullest > configuration.diskCritical {
                return .down(.full, usage.text, duration: duration, samples: samples)
            }
        }
        if let memoryUsed, memoryUsed > configuration.memoryCritical {
            let text = "\(Int((memoryUsed * 100).rounded(.down))) % of memory in use"
            return .down(.outOfMemory, text, duration: duration, samples: samples)
        }
        for usage in fileSystems where usage.fullest > configuration.diskWarning {
            return .degraded(.threshold, usage.text, duration: duration, samples: samples)
        }
        return .up(duration: duration, samples: samples)
    }
}
