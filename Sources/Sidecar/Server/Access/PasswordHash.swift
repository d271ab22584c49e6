// SPDX-License-Identifier: Apache-2.0

import CCrypt
import Glibc

/// A bcrypt hash as `htpasswd -B` makes it. Never shown.
package struct PasswordHash: Sendable, Hashable {
    private let text: String

    /// Matches nothing, and takes as long to say so as a real one.
    static let impossible = PasswordHash(unchecked: "$2y$10$" + String(repeating: "x", count: 53))

    /// nil unless it is bcrypt (`$2a$`, `$2b$`, `$2y$`) with a cost between 4 and 16; a higher one would take seconds.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 60, text.hasPrefix("$2a$") || text.hasPrefix("$2b$") || text.hasPrefix("$2y$"),
            bytes[6] == UInt8(ascii: "$"), let cost = Int(String(decoding: bytes[4..<6], as: UTF8.self)),
            (4...16).contains(cost)
        else { return nil }
        self.text = text
    }

    private init(unchecked text: String) { self.text = text }

    /// Takes tens of milliseconds, by design.
    package func matches(_ password: String) -> Bool {
        guard !password.utf8.contains(0) else { return false }
        let size = MemoryLayout<crypt_data>.size
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        unsafe memset(memory, 0, size)
        defer {
            unsafe explicit_bzero(memory, size)
            unsafe memory.deallocate()
        }
        guard let answer = unsafe crypt_rn(password, text, memory, Int32(size)) else { return false }
        let made = Array(unsafe String(cString: answer).utf8)
        let wanted = Array(text.utf8)
        guard made.count == wanted.count else { return false }
        // All of it, however early they differ.
        return zip(made, wanted).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
