// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A socket address made of numbers.
struct NumericAddress {
    let family: Int32
    private var storage = sockaddr_storage()
    private let length: socklen_t

    init?(_ text: String, port: UInt16) {
        var four = sockaddr_in()
        var six = sockaddr_in6()
        if unsafe inet_pton(AF_INET, text, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            family = AF_INET
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            unsafe withUnsafeMutableBytes(of: &storage) { room in
                unsafe withUnsafeBytes(of: four) { unsafe room.copyMemory(from: $0) }
            }
        } else if unsafe inet_pton(AF_INET6, text, &six.sin6_addr) == 1 {
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            family = AF_INET6
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            unsafe withUnsafeMutableBytes(of: &storage) { room in
                unsafe withUnsafeBytes(of: six) { unsafe room.copyMemory(from: $0) }
            }
        } else {
            return nil
        }
    }

    /// `connect`; zero or the error's number.
    func connect(_ descriptor: Int32) -> Int32 {
        var storage = storage
        let outcome = unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, length)
            }
        }
        return outcome == 0 ? 0 : errno
    }
}
