// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Finds a process by what is known of it. A port is looked up again only when its process has gone.
final class ProcessFinder: Sendable {
    private let target: ProcessCheckConfiguration.Target
    private let last = Mutex<(process: Int, socket: String)?>(nil)

    init(_ target: ProcessCheckConfiguration.Target) {
        self.target = target
    }

    /// nil when there is none. Blocks on `/proc`.
    func find() -> Int? {
        switch target {
        case .pidFile(let path): Self.number(path)
        case .unit(let unit): Self.firstProcess(of: unit)
        case .port(let port): listener(port)
        }
    }

    private static func number(_ path: String) -> Int? {
        guard let text = FileText.bytes(path, limit: 64) else { return nil }
        let digits = text.drop { $0 <= 32 }.prefix { $0 >= 48 && $0 <= 57 }
        return Int(String(decoding: digits, as: UTF8.self)).flatMap { $0 > 0 ? $0 : nil }
    }

    /// Below the slices of the system, of version 2 or of version 1's `systemd` hierarchy.
    private static func firstProcess(of unit: String) -> Int? {
        let name = unit.contains(".") ? unit : unit + ".service"
        for root in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"] {
            for slice in ["system.slice", "user.slice", "machine.slice"] {
                if let process = number("\(root)/\(slice)/\(name)/cgroup.procs") { return process }
            }
        }
        return nil
    }

    private func listener(_ port: UInt16) -> Int? {
        let sockets = Self.listeningSockets(port)
        guard !sockets.isEmpty else {
            last.withLock { $0 = nil }
            return nil
        }
        if let known = last.withLock({ $0 }), sockets.contains(known.socket),
            unsafe access("/proc/\(known.process)", F_OK) == 0
        {
            return known.process
        }
        for name in DirectoryList.names("/proc") ?? [] {
            guard let process = Int(name) else { continue }
            for descriptor in DirectoryList.names("/proc/\(process)/fd") ?? [] {
                guard let socket = Self.link("/proc/\(process)/fd/\(descriptor)"), sockets.contains(socket) else {
                    continue
                }
                last.withLock { $0 = (process, socket) }
                return process
            }
        }
        return nil
    }

    /// `socket:[inode]` of the sockets that listen on the port.
    private static func listeningSockets(_ port: UInt16) -> Set<String> {
        var sockets: Set<String> = []
        for path in ["/proc/net/tcp", "/proc/net/tcp6"] {
            for words in FileText.lines(path) where words.count > 9 && words[3] == "0A" {
                guard let digits = words[1].split(separator: ":").last, UInt16(digits, radix: 16) == port else {
                    continue
                }
                sockets.insert("socket:[\(words[9])]")
            }
        }
        return sockets
    }

    private static func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 64)
        let count = unsafe readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
