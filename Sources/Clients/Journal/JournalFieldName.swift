// SPDX-License-Identifier: Apache-2.0

/// A field name that journald keeps: `[A-Z0-9_]`, not beginning with `_` or a digit, at most 64 bytes. journald drops
/// others without a word, so every name is mapped: `http.route` becomes `HTTP_ROUTE`.
package struct JournalFieldName: Hashable, Sendable {
    package let text: String

    package init(_ name: String) {
        var bytes: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): bytes.append(byte - 0x20)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): bytes.append(byte)
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if bytes.isEmpty { bytes += Array("F_".utf8) }
                bytes.append(byte)
            default: if !bytes.isEmpty { bytes.append(UInt8(ascii: "_")) }
            }
            if bytes.count >= 64 { break }
        }
        text = bytes.isEmpty ? "FIELD" : String(decoding: bytes.prefix(64), as: UTF8.self)
    }
}
