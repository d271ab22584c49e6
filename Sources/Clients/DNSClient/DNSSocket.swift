// SPDX-License-Identifier: Apache-2.0

import Glibc

/// One socket to one name server, whose every wait ends at the deadline.
@safe
struct DNSSocket: ~Copyable {
    private let descriptor: Int32
    private let deadline: Duration
    private let now: @Sendable () -> Duration

    init(
        _ address: NumericAddress,
        isStream: Bool,
        deadline: Duration,
        now: @escaping @Sendable () -> Duration
    ) throws(DNSFailure) {
        let kind = Int32((isStream ? SOCK_STREAM : SOCK_DGRAM).rawValue)
        let flags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        descriptor = socket(address.family, kind | flags, 0)
        self.deadline = deadline
        self.now = now
        guard descriptor >= 0 else { throw .unreachable }
        // A connected socket hears of nobody else's datagrams, and of "port unreachable".
        let outcome = address.connect(descriptor)
        guard outcome == 0 || outcome == EINPROGRESS else { throw .unreachable }
        if outcome == EINPROGRESS { try wait(for: POLLOUT) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    private func wait(for events: Int32) throws(DNSFailure) {
        while true {
            let (seconds, attoseconds) = (deadline - now()).components
            let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1
            guard deadline > now() else { throw .timeout }
            var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let count = unsafe poll(&entry, 1, Int32(clamping: milliseconds))
            if count > 0 { return }
            if count < 0, errno != EINTR { throw .unreachable }
        }
    }

    borrowing func send(_ bytes: [UInt8]) throws(DNSFailure) {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes[sent...].withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if count < 0, errno == EAGAIN {
                try wait(for: POLLOUT)
            } else if count == 0 || errno != EINTR {
                throw .unreachable
            }
        }
    }

    borrowing func receiveDatagram() throws(DNSFailure) -> [UInt8] { try receiveSome(65_535) }

    borrowing func receive(_ count: Int) throws(DNSFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count { bytes += try receiveSome(count - bytes.count) }
        return bytes
    }

    private borrowing func receiveSome(_ most: Int) throws(DNSFailure) -> [UInt8] {
        var chunk = [UInt8](repeating: 0, count: most)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count > 0 { return Array(chunk.prefix(count)) }
            if count == 0 { throw .malformed }
            switch errno {
            case EAGAIN: try wait(for: POLLIN)
            case EINTR: continue
            default: throw .unreachable
            }
        }
    }
}
