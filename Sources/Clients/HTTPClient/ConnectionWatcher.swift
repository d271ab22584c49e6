// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc

/// The descriptors of libcurl's connections. While no transfer uses one, libcurl does not look at it; this does.
final class ConnectionWatcher {
    private enum Use {
        case connecting
        case transfer
        case released
        case idle(since: MonotonicTime)
        case dead
    }

    private struct Connection {
        let origin: HTTPOrigin
        var use = Use.connecting
        var hasServed = false
        /// Who it was opened for, while that goes on.
        weak var transfer: CurlTransfer?
    }

    private let loop: EventLoop
    private var connections: [Int32: Connection] = [:]
    private var released: [Int32] = []
    private var observers: [HTTPOrigin: [UInt64: (ConnectionEdge) -> Void]] = [:]
    private var nextIdentifier: UInt64 = 0
    private(set) var opened = 0
    private(set) var edges = 0
    var unwatchable = 0

    init(loop: EventLoop) {
        self.loop = loop
    }

    var open: Int { connections.count }

    func observe(_ origin: HTTPOrigin, _ handler: @escaping (ConnectionEdge) -> Void) -> ConnectionObservation {
        nextIdentifier += 1
        observers[origin, default: [:]][nextIdentifier] = handler
        return ConnectionObservation(origin: origin, identifier: nextIdentifier)
    }

    func end(_ observation: ConnectionObservation) {
        observers[observation.origin]?[observation.identifier] = nil
        if observers[observation.origin]?.isEmpty == true { observers[observation.origin] = nil }
    }

    func opened(_ descriptor: Int32, for transfer: CurlTransfer) {
        opened += 1
        connections[descriptor] = Connection(origin: transfer.origin, transfer: transfer)
    }

    /// Called just before.
    func closed(_ descriptor: Int32) {
        if let transfer = connections[descriptor]?.transfer, Self.hasPeer(descriptor) { transfer.reachedPeer = true }
        connections[descriptor] = nil
    }

    private static func hasPeer(_ descriptor: Int32) -> Bool {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getpeername(descriptor, $0, &length) == 0
            }
        }
    }

    /// A transfer uses it from now on.
    func taken(_ descriptor: Int32) {
        connections[descriptor]?.use = .transfer
        if !released.isEmpty { released.removeAll { $0 == descriptor } }
    }

    /// libcurl looks at it no longer: it is idle, or about to be closed.
    func released(_ descriptor: Int32) {
        guard connections[descriptor] != nil else { return }
        connections[descriptor]?.use = .released
        released.append(descriptor)
    }

    /// An answer came over it and it was left open.
    func served(_ descriptor: Int32) {
        guard let connection = connections[descriptor] else { return }
        connections[descriptor]?.hasServed = true
        // A transfer that never had to wait was never seen by `taken` and `released`.
        if case .connecting = connection.use { released.append(descriptor) }
    }

    /// Watches what was released and is still open. Called when libcurl has returned.
    func watchIdle() {
        guard !released.isEmpty else { return }
        let now = MonotonicTime.now()
        for descriptor in released {
            guard let connection = connections[descriptor], connection.hasServed else { continue }
            if case .idle = connection.use { continue }
            connections[descriptor]?.use = .idle(since: now)
            watch(descriptor, for: [.readable, .peerClosed])
        }
        released = []
    }

    private func watch(_ descriptor: Int32, for interest: Readiness) {
        do throws(EventLoopError) {
            try loop.watch(descriptor, for: interest) { [weak self] in self?.changed(descriptor, $0) }
        } catch {
            unwatchable += 1
        }
    }

    private func changed(_ descriptor: Int32, _ readiness: Readiness) {
        guard let connection = connections[descriptor], case .idle(let since) = connection.use else { return }
        guard let kind = outcome(descriptor, readiness) else {
            // Bytes without a request, such as TLS session tickets: libcurl will read them, or give the connection up.
            return watch(descriptor, for: .peerClosed)
        }
        loop.unwatch(descriptor)
        connections[descriptor]?.use = .dead
        edges += 1
        let now = MonotonicTime.now()
        let edge = ConnectionEdge(origin: connection.origin, kind: kind, idle: now - since, at: now)
        for handler in (observers[connection.origin] ?? [:]).values { handler(edge) }
    }

    private func outcome(_ descriptor: Int32, _ readiness: Readiness) -> ConnectionEdge.Kind? {
        if readiness.contains(.error) { return .reset }
        var byte: UInt8 = 0
        let count = unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        if count < 0 && errno != EAGAIN && errno != EINTR { return .reset }
        if count == 0 { return .closed }
        return readiness.isDisjoint(with: [.peerClosed, .hangup]) ? nil : .closed
    }
}
