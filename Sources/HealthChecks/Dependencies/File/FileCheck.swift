// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import HealthChecks

/// Which files have to be there, and how young and large the newest of them.
package struct FileCheckConfiguration: Sendable {
    /// A path with `*`, `?` and `[…]`.
    package var pattern: String
    package var maximumAge: Duration?
    package var warningAge: Duration?
    package var minimumBytes: Int?
    package var minimumCount = 1

    package init(pattern: String) {
        self.pattern = pattern
    }
}

/// Looks at the newest of some files, such as backups: one that is missing, old or too small is down.
package typealias FileCheck = ProbeCheck<BlockingProbe<FileFinding>>

extension ProbeCheck where Probe == BlockingProbe<FileFinding> {
    package convenience init(
        name: String,
        _ configuration: FileCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        guard configuration.pattern.hasPrefix("/") else {
            throw CheckConfigurationError("path: expected an absolute path or pattern")
        }
        let unixTime = environment.unixTime
        let probe = BlockingProbe<FileFinding>(
            late: {
                .down(.timeout, "the file system does not answer", duration: $0, samples: FileFinding.downSamples)
            },
            work: { _ in FileFinding.look(configuration.pattern) },
            result: { $0.result(configuration, now: unixTime(), duration: $1) }
        )
        self.init(name: name, kind: "file", instance: configuration.pattern, probe: probe, in: environment)
    }
}

/// What was seen of the files.
package struct FileFinding: Sendable {
    private var count = 0
    private var newest: (path: String, modified: Double, bytes: Double)?
    private var isUnreadable = false

    static let downSamples = [CheckSample("file_up", [], 0)]

    static func look(_ pattern: String) -> FileFinding {
        var finding = FileFinding()
        var matches = unsafe glob_t()
        defer { unsafe globfree(&matches) }
        let code = unsafe glob(pattern, GLOB_NOSORT | GLOB_ERR, nil, &matches)
        guard code == 0 else {
            finding.isUnreadable = code != GLOB_NOMATCH
            return finding
        }
        for index in unsafe 0..<Int(matches.gl_pathc) {
            guard let path = unsafe matches.gl_pathv[index] else { continue }
            var information = stat()
            guard unsafe stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { continue }
            finding.count += 1
            let modified = Double(information.st_mtim.tv_sec) + Double(information.st_mtim.tv_nsec) * 1e-9
            if modified > finding.newest?.modified ?? -.infinity {
                finding.newest = (unsafe String(cString: path), modified, Double(information.st_size))
            }
        }
        return finding
    }

    func result(_ configuration: FileCheckConfiguration, now: Double, duration: Duration) -> CheckResult {
        let problem = problem(configuration, now: now)
        var samples = [
            CheckSample("file_up", [], problem == nil ? 1 : 0),
            CheckSample("file_glob_match_number", [CheckLabel("pattern", configuration.pattern)], Double(count)),
        ]
        if let newest {
            // Without the name, which would make a new series with each backup.
            samples += [
                CheckSample("file_stat_modif_time_seconds", [], newest.modified),
                CheckSample("file_stat_size_bytes", [], newest.bytes),
                CheckSample("file_age_seconds", [], max(0, now - newest.modified)),
            ]
        }
        if let problem { return .down(problem.0, problem.1, duration: duration, samples: samples) }
        if let newest, let warning = configuration.warningAge, now - newest.modified > warning.inSeconds {
            let text = "\(newest.path) is getting old"
            return .degraded(.threshold, text, duration: duration, samples: samples)
        }
        return .up(duration: duration, samples: samples)
    }

    private func problem(_ configuration: FileCheckConfiguration, now: Double) -> (HealthReason, String)? {
        if isUnreadable { return (.permission, "a directory cannot be read") }
        if count < configuration.minimumCount {
            return (.missing, "\(count) files, at least \(configuration.minimumCount) wanted")
        }
        guard let newest else { return nil }
        if let maximum = configuration.maximumAge, now - newest.modified > maximum.inSeconds {
            return (.threshold, "\(newest.path) is too old")
        }
        if let minimum = configuration.minimumBytes, newest.bytes < Double(minimum) {
            return (.threshold, "\(newest.path) is too small")
        }
        return nil
    }
}
