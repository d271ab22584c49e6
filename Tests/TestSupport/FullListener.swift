// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A port of 127.0.0.1 whose queue is full: who connects waits for good.
package final class FullListener: Sendable {
    package let port: UInt16
    private let listener: Int32
    private let waiting: [Int32]

    package init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard bindLoopback(listener, port: 0), listen(listener, 0) == 0, let bound = boundPort(listener) else {
            throw TestSupportError("cannot listen: errno \(errno)")
        }
        port = bound
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = bound.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        waiting = (0..<4).map { _ in
            let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
            let descriptor = socket(AF_INET, kind, 0)
            _ = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            return descriptor
        }
    }

    deinit {
        for descriptor in waiting + [listener] { close(descriptor) }
    }
}
