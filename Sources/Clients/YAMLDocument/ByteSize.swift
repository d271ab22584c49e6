// SPDX-License-Identifier: Apache-2.0

/// Sizes as `64MiB`, `64MB`, `512KB`, `0` or a bare number of bytes.
///
/// As in Prometheus's own configuration a unit is a power of 1024 with or without the `i`.
package enum ByteSize {
    package static func parse(_ text: String) -> Int? {
        let digits = text.utf8.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        guard !digits.isEmpty, let count = Int(String(decoding: digits, as: UTF8.self)) else {
            return nil
        }
        let unit = String(
            decoding: text.utf8.dropFirst(digits.count).drop { $0 == UInt8(ascii: " ") },
            as: UTF8.self
        )
        let shift: Int
        switch unit {
        case "", "B": shift = 0
        case "K", "KB", "KiB", "kB": shift = 10
        case "M", "MB", "MiB": shift = 20
        case "G", "GB", "GiB": shift = 30
        case "T", "TB", "TiB": shift = 40
        default: return nil
        }
        let (size, overflow) = count.multipliedReportingOverflow(by: 1 << shift)
        return overflow ? nil : size
    }
}
