// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import HealthChecks
import Journal

/// What the machine has to offer.
extension Doctor {
    /// Secrets that stand in the file itself are anybody's who may read it.
    func permissionFindings(_ configuration: SidecarConfiguration) -> [Finding] {
        guard let path = options.configurationPath else { return [] }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return [.failure(.permissions, path, Self.errorText)] }
        let mayOthersWrite = status.st_mode & (S_IWGRP | S_IWOTH) != 0
        let mayOthersRead = status.st_mode & S_IROTH != 0
        if mayOthersWrite {
            return [
                .warning(
                    .permissions,
                    path,
                    "others than its owner may write to it, and so run programs as the sidecar"
                )
            ]
        }
        guard mayOthersRead, configuration.shownText.contains("<secret>") else { return [.good(.permissions, path)] }
        return [
            .warning(
                .permissions,
                path,
                "everybody may read it, and it holds secrets: use ${credential:NAME} or mode 0640"
            )
        ]
    }

    func storageFindings(_ configuration: SidecarConfiguration) -> [Finding] {
        let path = storagePath(configuration)
        if let owner = storageOwner(configuration) {
            return [.good(.storage, path, "in use by process \(owner)")]
        }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            let parent = FileAccess.directory(of: path)
            let place = parent.isEmpty ? "." : parent
            guard unsafe access(place, W_OK | X_OK) == 0 else {
                return [.failure(.storage, path, "does not exist and cannot be made: \(Self.errorText)")]
            }
            return [.good(.storage, path, "does not exist yet, and can be made")]
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { return [.failure(.storage, path, "is no directory")] }
        let probe = path + "/.doctor-\(getpid())"
        let descriptor = unsafe open(probe, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            return [
                .failure(.storage, path, "cannot be written to: \(Self.errorText); state would be kept in memory only")
            ]
        }
        close(descriptor)
        _ = unsafe unlink(probe)
        var disk = statvfs()
        guard unsafe statvfs(path, &disk) == 0 else { return [.failure(.storage, path, Self.errorText)] }
        let free = UInt64(disk.f_bavail).multipliedReportingOverflow(by: UInt64(disk.f_frsize)).partialValue >> 20
        let text = "writable, \(free) MiB free"
        return [free < Self.leastFreeMebibytes ? .warning(.storage, path, text) : .good(.storage, path, text)]
    }

    /// Below this a day of samples may not fit.
    private static var leastFreeMebibytes: UInt64 { 512 }

    func storagePath(_ configuration: SidecarConfiguration) -> String {
        options.dataDirectory ?? configuration.storage.path ?? files.environment("STATE_DIRECTORY") ?? "sidecar-data"
    }

    /// The process that keeps its state there now.
    func storageOwner(_ configuration: SidecarConfiguration) -> String? {
        DirectoryLock.owner(of: storagePath(configuration))
    }

    func machineFindings() -> [Finding] { [descriptorFinding(), journalFinding()] + clockFindings() }

    private func descriptorFinding() -> Finding {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return .failure(.descriptors, "limit", Self.errorText)
        }
        // The program raises its own limit to the hard one.
        let text = "\(limit.rlim_max) at most"
        return limit.rlim_max < 4_096
            ? .warning(.descriptors, "limit", text + "; each probe, target and check needs one")
            : .good(.descriptors, "limit", text)
    }

    private func journalFinding() -> Finding {
        JournalWriter().isReachable
            ? .good(.journal, "journald", "its socket is there")
            : .warning(.journal, "journald", "no socket: alerts and events are not written to the journal")
    }

    private func clockFindings() -> [Finding] {
        let year = clock.now().unixMilliseconds / 1_000 / 31_556_952 + 1970
        guard year >= 2025 else { return [.failure(.clock, "wall clock", "stands in the year \(year)")] }
        switch clinux_clock_is_kept() {
        case 0: return [.warning(.clock, "wall clock", "nothing keeps it in time (no NTP)")]
        case 1: return [.good(.clock, "wall clock", "kept in time")]
        default: return [.warning(.clock, "wall clock", "the kernel does not say whether it is kept in time")]
        }
    }

    static var errorText: String { unsafe String(cString: strerror(errno)) }
}
