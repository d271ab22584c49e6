// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What went wrong on a socket.
struct SocketFailure: Error, CustomStringConvertible {
    let description: String

    init(_ what: String) { description = "\(what): \(unsafe String(cString: strerror(errno)))" }
}

/// A blocking connection to loopback.
struct ClientConnection: ~Copyable {
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw SocketFailure("socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(truncatingIfNeeded: port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw SocketFailure("connect") }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// Sends a request and reads what comes at once; the first bytes of the answer.
    func ask(_ request: [UInt8], into buffer: inout [UInt8]) throws -> Int {
        let sent = unsafe request.withUnsafeBytes { unsafe send(descriptor, $0.baseAddress, $0.count, 0) }
        guard sent == request.count else { throw SocketFailure("send") }
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count > 0 else { throw SocketFailure("recv") }
        return count
    }

    /// Gives the descriptor away, open.
    consuming func release() -> Int32 {
        let descriptor = descriptor
        discard self
        return descriptor
    }
}

/// Connections that are open and silent, as a balancer's and many clients' are.
final class IdleConnections {
    private var descriptors: [Int32] = []

    var count: Int { descriptors.count }

    init(port: Int, count: Int) throws {
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        for _ in 0..<count { descriptors.append(try ClientConnection(port: port).release()) }
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
    }
}
