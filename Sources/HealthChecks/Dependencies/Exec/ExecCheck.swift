// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks

/// Which program to run: the path of one and its arguments, never a shell's line. Arguments are not shown.
package struct ExecCheckConfiguration: Sendable, CustomStringConvertible {
    /// Absolute.
    package var path: String
    package var arguments: [String] = []
    /// The program's whole environment beside `PATH`.
    package var environment: [(name: String, value: String)] = []
    package var directory: String?

    package init(path: String) {
        self.path = path
    }

    package var description: String { "exec check of \(path)" }
}

/// Runs a program as Nagios runs its plugins: the exit status is the verdict, the output's first line the text.
package typealias ExecCheck = ProbeCheck<BlockingProbe<ExecFinding>>

extension ProbeCheck where Probe == BlockingProbe<ExecFinding> {
    package convenience init(
        name: String,
        _ configuration: ExecCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        guard configuration.path.hasPrefix("/") else {
            throw CheckConfigurationError("path: expected the absolute path of a program")
        }
        let hasNul = ([configuration.path] + configuration.arguments).contains { $0.utf8.contains(0) }
        if hasNul { throw CheckConfigurationError("args: a NUL cannot be passed") }
        let probe = BlockingProbe<ExecFinding>(
            late: { .down(.timeout, "the program still runs", duration: $0, samples: ExecFinding.downSamples) },
            work: { ExecFinding(ChildRun.perform(configuration, deadline: $0)) },
            result: { $0.result(duration: $1) }
        )
        self.init(name: name, kind: "exec", instance: configuration.path, probe: probe, in: environment)
    }
}

/// What a program said.
package struct ExecFinding: Sendable {
    private let run: ChildRun

    init(_ run: ChildRun) {
        self.run = run
    }

    static let downSamples = [CheckSample("exec_up", [], 0)]

    func result(duration: Duration) -> CheckResult {
        let output = String(decoding: run.output, as: UTF8.self)
        let (text, measurements) = PluginOutput.read(output)
        var samples = [CheckSample("exec_up", [], run.status == 0 || run.status == 1 ? 1 : 0)]
        if let status = run.status { samples.append(CheckSample("exec_exit_status", [], Double(status))) }
        samples += measurements.flatMap(\.samples)
        switch run.end {
        case .notStarted(let code):
            let reason: HealthReason = code == 2 ? .missing : code == 13 ? .permission : .misconfigured
            return .down(reason, "cannot be started: errno \(code)", duration: duration, samples: samples)
        case .timedOut:
            return .down(.timeout, "killed at its deadline", duration: duration, samples: samples)
        case .signal(let number):
            return .down(.exitStatus, "ended by signal \(number)", duration: duration, samples: samples)
        case .status(0): return .up(duration: duration, samples: samples)
        case .status(1): return .degraded(.exitStatus, text, duration: duration, samples: samples)
        case .status(3): return .undetermined(.exitStatus, text, duration: duration, samples: samples)
        case .status: return .down(.exitStatus, text, duration: duration, samples: samples)
        }
    }
}
