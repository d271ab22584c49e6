// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A plain TCP or Unix stream.
package final class SocketStream: ByteStream {
    private enum State {
        case idle, resolving, connecting, open, closed
    }

    private let loop: EventLoop
    private let resolver: NameResolver
    private let address: StreamAddress
    private var state = State.idle
    private var descriptor: Int32 = -1
    private var pending: [UInt8] = []
    private var sent = 0
    private var timer: LoopTimer?
    private var opened: ((StreamFailure?) -> Void)?
    private var remaining: ArraySlice<ResolvedAddress> = []
    private var connectStart = MonotonicTime.now()
    package var onBytes: (([UInt8]) -> Void)?
    package var onEnd: ((StreamFailure) -> Void)?
    package private(set) var phases = StreamPhases()

    package init(loop: EventLoop, resolver: NameResolver, address: StreamAddress) {
        self.loop = loop
        self.resolver = resolver
        self.address = address
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    package func open(deadline: Duration, completion: @escaping (StreamFailure?) -> Void) {
        loop.preconditionOnLoop()
        guard case .idle = state else { return completion(StreamFailure(.internal, "used before")) }
        opened = completion
        timer = loop.schedule(after: deadline) { [weak self] in
            guard let self else { return }
            timer = nil
            if case .resolving = state {
                fail(StreamFailure(.dns, "name server did not answer in time"))
            } else {
                fail(StreamFailure(.connectTimeout))
            }
        }
        switch address {
        case .unix(let path): connect(unix: path)
        case .host(let host, _):
            state = .resolving
            resolver.resolve(host) { [weak self] resolution in
                guard let self, case .resolving = state else { return }
                phases.resolve = resolution.duration
                switch resolution.addresses {
                case .success(let addresses):
                    remaining = addresses[...]
                    connectNext(after: StreamFailure(.unreachable))
                case .failure(let error): fail(StreamFailure(.dns, error.rawValue))
                }
            }
        }
    }

    package func send(_ bytes: [UInt8]) {
        loop.preconditionOnLoop()
        guard case .open = state, !bytes.isEmpty else { return }
        pending.append(contentsOf: bytes)
        flush()
    }

    /// Gives the connection away, for TLS to go on with; the stream is closed afterwards, its peer not. nil unless open,
    /// or when bytes have yet to be sent.
    package func handOver() -> Connection? {
        loop.preconditionOnLoop()
        guard case .open = state, pending.isEmpty, descriptor >= 0 else { return nil }
        loop.unwatch(descriptor)
        let connection = Connection(descriptor: descriptor, phases: phases)
        descriptor = -1
        release()
        return connection
    }

    /// A connected socket without an owner; closed when nobody takes it.
    package final class Connection {
        private var descriptor: Int32
        package let phases: StreamPhases

        init(descriptor: Int32, phases: StreamPhases) {
            self.descriptor = descriptor
            self.phases = phases
        }

        deinit {
            if descriptor >= 0 { Glibc.close(descriptor) }
        }

        /// The descriptor, once; the caller closes it. nil when it was taken before.
        package func take() -> Int32? {
            defer { descriptor = -1 }
            return descriptor >= 0 ? descriptor : nil
        }
    }

    package func close() {
        loop.preconditionOnLoop()
        opened = nil
        release()
    }

    // MARK: Connecting

    private func connectNext(after failure: StreamFailure) {
        guard case .host(_, let port) = address, let next = remaining.popFirst() else { return fail(failure) }
        state = .connecting
        phases.address = next.text
        connectStart = MonotonicTime.now()
        proceed(
            connect(next.isIPv6 ? AF_INET6 : AF_INET) { descriptor in
                unsafe next.withSocketAddress(port: port) { unsafe Glibc.connect(descriptor, $0, $1) }
            }
        )
    }

    private func proceed(_ outcome: Int32) {
        switch outcome {
        case 0: becomeOpen()
        case EINPROGRESS: watch(for: .writable)
        default: connectFailed(outcome)
        }
    }

    private func connectFailed(_ code: Int32) {
        dropDescriptor()
        connectNext(after: StreamFailure(errno: code))
    }

    private func connect(unix path: String) {
        state = .connecting
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: target.sun_path) else {
            return fail(StreamFailure(.invalidAddress))
        }
        unsafe withUnsafeMutableBytes(of: &target.sun_path) { room in
            unsafe room.copyBytes(from: bytes)
            if bytes.first == UInt8(ascii: "@") { unsafe room[0] = 0 }
        }
        proceed(
            connect(AF_UNIX) { descriptor in
                unsafe ResolvedAddress.rebound(&target) { unsafe Glibc.connect(descriptor, $0, $1) }
            }
        )
    }

    /// 0, or an errno.
    private func connect(_ family: Int32, _ connect: (Int32) -> Int32) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { return errno }
        if family != AF_UNIX {
            var one: Int32 = 1
            _ = unsafe setsockopt(
                descriptor,
                Int32(IPPROTO_TCP),
                TCP_NODELAY,
                &one,
                socklen_t(MemoryLayout<Int32>.size)
            )
        }
        return connect(descriptor) == 0 ? 0 : errno
    }

    private func becomeOpen() {
        phases.connect = MonotonicTime.now() - connectStart
        state = .open
        if let timer { loop.cancel(timer) }
        timer = nil
        watch(for: [.readable, .peerClosed])
        let completion = opened
        opened = nil
        completion?(nil)
    }

    // MARK: Carrying

    private func changed(_ readiness: Readiness) {
        switch state {
        case .connecting:
            var code: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            _ = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
            if code == 0 { becomeOpen() } else { connectFailed(code) }
        case .open:
            if readiness.contains(.writable) { flush() }
            if !readiness.isDisjoint(with: [.readable, .peerClosed, .hangup, .error]) { receive() }
        case .idle, .resolving, .closed: break
        }
    }

    private func receive() {
        // One reading a turn: whoever sends without end does not keep the others waiting.
        var count = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 32 << 10) { buffer, initialized in
            count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
            initialized = max(0, count)
        }
        if count > 0 { return onBytes?(bytes) ?? () }
        if count == 0 { return end(StreamFailure(.closed)) }
        if count < 0, errno != EAGAIN, errno != EINTR { end(StreamFailure(errno: errno)) }
    }

    private func flush() {
        while sent < pending.count {
            let count = unsafe pending[sent...].withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                return watch(for: [.readable, .writable, .peerClosed])
            } else if errno != EINTR {
                // What the peer said before it went away is read first.
                return watch(for: [.readable, .peerClosed])
            }
        }
        pending.removeAll(keepingCapacity: true)
        sent = 0
        watch(for: [.readable, .peerClosed])
    }

    private func watch(for interest: Readiness) {
        do throws(EventLoopError) {
            try loop.watch(descriptor, for: interest) { [weak self] in self?.changed($0) }
        } catch {
            fail(StreamFailure(.internal, error.description))
        }
    }

    // MARK: Ending

    private func end(_ failure: StreamFailure) {
        guard case .open = state else { return }
        release()
        onEnd?(failure)
    }

    private func fail(_ failure: StreamFailure) {
        let completion = opened
        opened = nil
        if case .open = state { return end(failure) }
        release()
        completion?(failure)
    }

    private func release() {
        if let timer { loop.cancel(timer) }
        timer = nil
        dropDescriptor()
        pending = []
        sent = 0
        state = .closed
    }

    private func dropDescriptor() {
        guard descriptor >= 0 else { return }
        loop.unwatch(descriptor)
        Glibc.close(descriptor)
        descriptor = -1
    }
}

extension StreamFailure {
    init(errno code: Int32) {
        switch code {
        case ECONNREFUSED, ENOENT: self.init(.refused)
        case ENETUNREACH, EHOSTUNREACH, EHOSTDOWN, ENETDOWN: self.init(.unreachable)
        case ETIMEDOUT: self.init(.connectTimeout)
        case ECONNRESET, EPIPE: self.init(.reset)
        default: self.init(.internal, "errno \(code)")
        }
    }
}
