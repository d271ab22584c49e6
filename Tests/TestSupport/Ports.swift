// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

private let handedOut = Mutex<Set<UInt16>>([])

/// Below the ports that the kernel gives to outgoing connections, so that none of those takes a port between its being
/// handed out and its being used. The ports 10,000 above, where a Redis cluster's nodes talk, are nobody's either.
private let ports: Range<UInt16> = 12_000..<22_000

/// A TCP port of 127.0.0.1 that nobody listens on; never the same twice in a process.
package func freePort() throws -> UInt16 {
    for _ in 0..<1_000 {
        let port = UInt16.random(in: ports)
        guard handedOut.withLock({ $0.insert(port).inserted }) else { continue }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { break }
        defer { close(descriptor) }
        if bindLoopback(descriptor, port: port) { return port }
    }
    throw TestSupportError("no free port: errno \(errno)")
}

/// Binds an IPv4 socket to 127.0.0.1.
func bindLoopback(_ descriptor: Int32, port: UInt16) -> Bool {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    return unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}

func boundPort(_ descriptor: Int32) -> UInt16? {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let outcome = unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe getsockname(descriptor, $0, &length)
        }
    }
    return outcome == 0 ? UInt16(bigEndian: address.sin_port) : nil
}

/// Whether something accepts connections on a port of 127.0.0.1.
package func accepts(port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return connectLoopback(descriptor, port: port)
}

/// Connects an IPv4 socket to a port of 127.0.0.1; false, with `errno`, when that fails.
package func connectLoopback(_ descriptor: Int32, port: UInt16) -> Bool {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    return unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}

/// Makes the coming close a reset.
func setReset(_ connection: Int32) {
    var option = linger(l_onoff: 1, l_linger: 0)
    _ = unsafe setsockopt(connection, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
}

/// False when the peer takes no more.
package func writeAll(_ bytes: [UInt8], to connection: Int32) -> Bool {
    var sent = 0
    while sent < bytes.count {
        let count = unsafe bytes[sent...].withUnsafeBytes {
            unsafe send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return false }
        sent += count
    }
    return true
}
