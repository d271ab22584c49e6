// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Makes identifiers: UUIDs of version 7, which sort by the time they were made.
package struct IdentifierSource: Sendable {
    private let unixMilliseconds: @Sendable () -> Int64
    private let random: @Sendable () -> UInt64

    package init(
        unixMilliseconds: @escaping @Sendable () -> Int64,
        random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) {
        self.unixMilliseconds = unixMilliseconds
        self.random = random
    }

    package func next() -> String {
        let time = UInt64(max(unixMilliseconds(), 0)) & 0xffff_ffff_ffff
        let high = time << 16 | 0x7000 | random() & 0x0fff
        let low = 0x8000_0000_0000_0000 | random() & 0x3fff_ffff_ffff_ffff
        let digits = Self.hex(high) + Self.hex(low)
        let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(decoding: digits[$0], as: UTF8.self) }
        return parts.joined(separator: "-")
    }

    private static func hex(_ number: UInt64) -> [UInt8] {
        let alphabet = Array("0123456789abcdef".utf8)
        return (0..<16).map { alphabet[Int(number >> (60 - UInt64($0) * 4) & 15)] }
    }
}
