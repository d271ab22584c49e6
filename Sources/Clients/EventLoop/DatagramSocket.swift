// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A UDP socket that talks to one numeric address, on the loop's thread. An ICMP refusal ends it.
package final class DatagramSocket {
    private let loop: EventLoop
    private var descriptor: Int32
    private let onDatagram: ([UInt8]) -> Void
    private let onFailure: (StreamFailure) -> Void

    /// Largest datagram taken; longer ones are cut.
    private static let limit = 64 << 10

    /// - Parameters:
    ///   - onDatagram: called with each datagram of the peer.
    ///   - onFailure: called once; the socket is closed then.
    package init(
        loop: EventLoop,
        address: ResolvedAddress,
        port: UInt16,
        onDatagram: @escaping ([UInt8]) -> Void,
        onFailure: @escaping (StreamFailure) -> Void
    ) throws(StreamFailure) {
        loop.preconditionOnLoop()
        self.loop = loop
        self.onDatagram = onDatagram
        self.onFailure = onFailure
        let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        descriptor = socket(address.isIPv6 ? AF_INET6 : AF_INET, type, 0)
        guard descriptor >= 0 else { throw StreamFailure(errno: errno) }
        let code = unsafe address.withSocketAddress(port: port) { [descriptor] in
            unsafe Glibc.connect(descriptor, $0, $1)
        }
        guard code == 0 else {
            let failure = StreamFailure(errno: errno)
            close()
            throw failure
        }
        do throws(EventLoopError) {
            try loop.watch(descriptor, for: .readable) { [weak self] _ in self?.receive() }
        } catch {
            close()
            throw StreamFailure(.internal, error.description)
        }
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// What the kernel does not take at once is lost, as datagrams are.
    package func send(_ bytes: [UInt8]) {
        guard descriptor >= 0 else { return }
        _ = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
    }

    package func close() {
        guard descriptor >= 0 else { return }
        loop.unwatch(descriptor)
        Glibc.close(descriptor)
        descriptor = -1
    }

    private func receive() {
        var count = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Self.limit) { buffer, initialized in
            count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
            initialized = max(0, count)
        }
        if count >= 0 { return onDatagram(bytes) }
        guard errno != EAGAIN, errno != EINTR else { return }
        let failure = StreamFailure(errno: errno)
        close()
        onFailure(failure)
    }
}

extension ResolvedAddress {
    /// The address as the kernel takes it.
    func withSocketAddress(port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        if isIPv6 {
            var target = sockaddr_in6()
            target.sin6_family = sa_family_t(AF_INET6)
            target.sin6_port = port.bigEndian
            let parts = text.split(separator: "%", maxSplits: 1).map(String.init)
            unsafe inet_pton(AF_INET6, parts[0], &target.sin6_addr)
            if parts.count == 2 {
                let index = unsafe if_nametoindex(parts[1])
                target.sin6_scope_id = UInt32(parts[1]) ?? index
            }
            return unsafe Self.rebound(&target, body)
        }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        unsafe inet_pton(AF_INET, text, &target.sin_addr)
        return unsafe Self.rebound(&target, body)
    }

    static func rebound<Address>(
        _ target: inout Address,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        unsafe withUnsafePointer(to: &target) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }
}
