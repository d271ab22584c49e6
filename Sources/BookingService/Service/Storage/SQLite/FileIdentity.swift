// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Which file a path leads to, whatever it is called.
struct FileIdentity: Equatable {
    private let device: UInt64
    private let number: UInt64

    /// Nil when the path leads nowhere.
    init?(of path: String) {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let device = Self.integer(attributes[.systemNumber]),
            let number = Self.integer(attributes[.systemFileNumber])
        else { return nil }
        self.device = device
        self.number = number
    }

    /// Foundation hands out numbers of its own, or Swift's.
    private static func integer(_ value: Any?) -> UInt64? {
        if let value = value as? any BinaryInteger { return UInt64(truncatingIfNeeded: value) }
        return (value as? NSNumber)?.uint64Value
    }
}
