// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A listening socket on a free port; each connection is served by `serve` on a thread of its own and closed afterwards.
package final class TCPServer: Sendable {
    package let port: UInt16
    private let state: Mutex<(listener: Int32, connections: Set<Int32>, count: Int)>

    package init(_ serve: @escaping @Sendable (TCPConnection) -> Void) throws {
        port = try freePort()
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard bindLoopback(descriptor, port: port), listen(descriptor, 128) == 0 else {
            throw TestSupportError("cannot listen on \(port): errno \(errno)")
        }
        state = Mutex((descriptor, [], 0))
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                guard let self else {
                    close(connection)
                    return
                }
                _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
                self.state.withLock {
                    $0.connections.insert(connection)
                    $0.count += 1
                }
                Thread.detachNewThread { [weak self] in
                    serve(TCPConnection(descriptor: connection))
                    self?.state.withLock { _ = $0.connections.remove(connection) }
                    close(connection)
                }
            }
        }
    }

    deinit {
        stop()
    }

    package var connectionCount: Int { state.withLock { $0.count } }

    package func stop() {
        let (listener, open) = state.withLock { state in
            defer { state.listener = -1 }
            return (state.listener, state.connections)
        }
        if listener >= 0 {
            shutdown(listener, Int32(SHUT_RDWR))
            close(listener)
        }
        for connection in open { shutdown(connection, Int32(SHUT_RDWR)) }
    }
}

/// One accepted connection, used on its thread.
package final class TCPConnection {
    package let descriptor: Int32
    private var buffer: [UInt8] = []

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// The next line without its end; nil when the peer has closed.
    package func readLine() -> String? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                var line = Array(buffer[..<end])
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                buffer.removeFirst(end + 1)
                return String(decoding: line, as: UTF8.self)
            }
            guard fill() else { return nil }
        }
    }

    /// What has come, at least a byte; nil when the peer has closed.
    package func readSome() -> [UInt8]? {
        guard !buffer.isEmpty || fill() else { return nil }
        defer { buffer = [] }
        return buffer
    }

    package func read(_ count: Int) -> [UInt8]? {
        while buffer.count < count { guard fill() else { return nil } }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    @discardableResult
    package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    package func send(_ bytes: [UInt8]) -> Bool { writeAll(bytes, to: descriptor) }

    /// Returns when the peer, or the server's `stop`, has ended the connection.
    package func waitForEnd() { while fill() { buffer = [] } }

    /// Makes the coming close a reset.
    package func resetOnClose() { setReset(descriptor) }

    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        let count = unsafe chunk.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count > 0 else { return false }
        buffer += chunk[..<count]
        return true
    }
}
