// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A TCP connection to loopback that sends exactly the given bytes.
///
/// Reading waits on a thread of its own: the few threads that run tasks are needed by the server.
package final class RawConnection: Sendable {
    package struct Failure: Error {
        package var text: String
    }

    private let descriptor: Int32

    package init(port: Int, timeout: Int = 5) throws {
        // Not for children that other tests start: closing it must end the connection.
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: timeout, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let isConnected = connectLoopback(descriptor, port: UInt16(truncatingIfNeeded: port))
        guard isConnected else { throw Failure(text: "connect: \(errno)") }
    }

    deinit { close(descriptor) }

    /// Makes the coming close a reset.
    package func resetOnClose() { setReset(descriptor) }

    package func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        let sent = unsafe bytes.withUnsafeBytes { unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, 0) }
        guard sent == bytes.count else { throw Failure(text: "send: \(errno)") }
    }

    /// Sends bytes on the calling thread; false when the other side has closed.
    func sendAll(_ bytes: [UInt8]) -> Bool { writeAll(bytes, to: descriptor) }

    /// What has come, on the calling thread; nil when the other side has closed.
    func receiveSome() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    /// Ends both directions; whoever waits for bytes returns.
    func end() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Reads until the text satisfies `isEnough`, or the other side closes.
    package func read(until isEnough: @escaping @Sendable (String) -> Bool = { _ in false }) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try self.receive(isEnough) }) }
        }
    }

    private func receive(_ isEnough: (String) -> Bool) throws -> String {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !isEnough(String(decoding: received, as: UTF8.self)) {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
            guard count >= 0 else {
                throw Failure(text: "recv: \(errno), so far \"\(String(decoding: received, as: UTF8.self))\"")
            }
            if count == 0 { break }
            received += buffer[..<count]
        }
        return String(decoding: received, as: UTF8.self)
    }
}
