// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
package import HealthChecks

/// Looks at the file system below one path, and writes to it where asked.
package final class DiskCheck: DependencyCheck {
    package let name: String
    package let kind = "disk"
    package let instance: String
    private let probe: LoopBound<BlockingProbe<DiskFinding>>

    package init(
        name: String,
        _ configuration: DiskCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        guard configuration.path.hasPrefix("/") else {
            throw CheckConfigurationError("path: expected an absolute path")
        }
        self.name = name
        instance = configuration.path
        let probe = BlockingProbe<DiskFinding>(
            late: {
                .down(.timeout, "the file system does not answer", duration: $0, samples: DiskFinding.downSamples)
            },
            work: { _ in DiskFinding.look(configuration) },
            result: { $0.result(configuration, duration: $1) }
        )
        self.probe = LoopBound(probe, on: environment.loop)
    }

    package func begin(deadline: Duration, completion: @escaping @Sendable (CheckResult) -> Void) {
        probe.begin(deadline: deadline, completion: completion)
    }
}

/// What was seen of one file system.
struct DiskFinding: Sendable {
    var usage: FileSystemUsage?
    var code: Int32 = 0
    var writeTime: Duration?

    static let downSamples = [CheckSample("disk_up", [], 0)]

    static func look(_ configuration: DiskCheckConfiguration) -> DiskFinding {
        var finding = DiskFinding()
        finding.usage = FileSystemUsage(
            device: "",
            mountPoint: configuration.path,
            kind: "",
            path: configuration.path
        )
        if finding.usage == nil {
            finding.code = errno
        } else if configuration.writes {
            let start = MonotonicTime.now()
            finding.code = write(below: configuration.path)
            finding.writeTime = MonotonicTime.now() - start
        }
        return finding
    }

    /// A file of one block, synced and removed; 0 or an errno.
    private static func write(below directory: String) -> Int32 {
        let path = "\(directory)/.sidecar-disk-check-\(getpid())"
        unsafe unlink(path)
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return errno }
        defer {
            close(descriptor)
            unsafe unlink(path)
        }
        let block = [UInt8](repeating: 0x2e, count: 4096)
        let count = unsafe block.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count == block.count else { return count < 0 ? errno : ENOSPC }
        return fsync(descriptor) == 0 ? 0 : errno
    }

    func result(_ configuration: DiskCheckConfiguration, duration: Duration) -> CheckResult {
        guard let usage, code == 0 else {
            let reason: HealthReason =
                switch code {
                case ENOENT, ENOTDIR: .missing
                case EROFS: .readOnly
                case ENOSPC, EDQUOT: .full
                case EACCES, EPERM: .permission
                default: .internalError
                }
            return .down(reason, "errno \(code)", duration: duration, samples: samples(isUp: false))
        }
        if usage.fullest > configuration.critical {
            return .down(.full, usage.text, duration: duration, samples: samples(isUp: false))
        }
        if usage.fullest > configuration.warning {
            return .degraded(.threshold, usage.text, duration: duration, samples: samples(isUp: true))
        }
        return .up(duration: duration, samples: samples(isUp: true))
    }

    private func samples(isUp: Bool) -> [CheckSample] {
        var samples = [CheckSample("disk_up", [], isUp ? 1 : 0)]
        if let writeTime { samples.append(CheckSample("disk_write_seconds", [], writeTime.inSeconds)) }
        if let usage {
            samples += [
                CheckSample("disk_used_ratio", [], usage.usedSpace),
                CheckSample("disk_inodes_used_ratio", [], usage.usedFiles),
                CheckSample("disk_available_bytes", [], usage.available),
            ]
        }
        return samples
    }
}
