// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// The machine's journal: systemd-journald is started by hand where nothing listens on its socket, and stopped when the
/// last test process that used it ends.
package enum JournalDaemon {
    private static let lockPath = "/run/sidecar-tests-journald.lock"
    private static let pidPath = "/run/sidecar-tests-journald.pid"
    private static let socketPath = "/run/systemd/journal/socket"
    private static let lock = Mutex<Int32?>(nil)
    private static let starting = Mutex<Task<Void, any Error>?>(nil)

    /// Starts journald if there is none. Needs root where it has to start one.
    package static func ensureRunning() async throws {
        let task = starting.withLock { starting in
            let task = starting ?? Task { try await start() }
            starting = task
            return task
        }
        try await task.value
    }

    private static func start() async throws {
        if unsafe access(pidPath, F_OK) != 0, isListening() { return }
        try take()
        // One test process at a time looks and starts.
        let turn = unsafe open(lockPath + ".start", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        flock(turn, LOCK_EX)
        defer { close(turn) }
        if !isListening() {
            // Not ours to kill when we end: another test process may be using it by then.
            let start = try await ChildProcess.run(
                "/bin/sh",
                ["-c", "setsid /lib/systemd/systemd-journald >/dev/null 2>&1 & echo $! > \(pidPath)"]
            )
            guard start.exit == .code(0) else { throw TestSupportError("journald: \(start.error)") }
        }
        guard await waitUntil({ isListening() }) else { throw TestSupportError("journald does not listen") }
    }

    /// Entries that match, oldest first, such as `entries(["ALERT_NAME=Down", "PRIORITY=3"])`. Fields that are not text,
    /// or appear twice, are left out.
    package static func entries(_ matches: [String]) async throws -> [[String: String]] {
        let result = try await ChildProcess.run("journalctl", ["-o", "json", "--all", "--no-pager"] + matches)
        return result.output.split(separator: "\n").compactMap { line in
            guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
                return nil
            }
            return object.compactMapValues { $0 as? String }
        }
    }

    /// Each process holds the lock shared until it ends.
    private static func take() throws {
        try lock.withLock { held in
            guard held == nil else { return }
            let descriptor = unsafe open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else {
                throw TestSupportError("journald can be started by root only: errno \(errno)")
            }
            flock(descriptor, LOCK_SH)
            held = descriptor
            atexit { JournalDaemon.release() }
        }
    }

    private static func release() {
        lock.withLock { held in
            guard let descriptor = held, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return }
            if let text = try? String(contentsOfFile: pidPath, encoding: .utf8),
                let process = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
            {
                kill(process, SIGTERM)
            }
            unsafe unlink(pidPath)
            for name in ["socket", "stdout", "dev-log"] { unsafe unlink("/run/systemd/journal/" + name) }
            close(descriptor)
            held = nil
        }
    }

    private static func isListening() -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: socketPath.utf8) }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}
