// SPDX-License-Identifier: Apache-2.0

/// What OpenSSL prints of a certificate, as blackbox_exporter writes it.
package enum CertificateText {
    /// `C = DE, O = "Acme, Inc", CN = web` as `CN=web,O=Acme\, Inc,C=DE` (RFC 4514).
    package static func name(_ text: String) -> String {
        var parts: [[UInt8]] = []
        var part: [UInt8] = []
        var isQuoted = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ",") where !isQuoted:
                parts.append(part)
                part = []
            case UInt8(ascii: " ") where !isQuoted && part.isEmpty: continue
            default:
                if isQuoted, special.contains(byte) { part.append(UInt8(ascii: "\\")) }
                part.append(byte)
            }
        }
        parts.append(part)
        let names = parts.reversed().map(withoutSpaces).joined(separator: [UInt8(ascii: ",")])
        return String(decoding: Array(names), as: UTF8.self)
    }

    /// The host names of `DNS:a.example, IP Address:10.0.0.1, DNS:b.example`, separated by commas.
    package static func hostNames(_ text: String) -> String {
        text.split(separator: ",").compactMap { entry in
            let entry = entry.drop { $0 == " " }
            return entry.hasPrefix("DNS:") ? String(entry.dropFirst(4)) : nil
        }.joined(separator: ",")
    }

    private static let special = Set(",+<>;".utf8)

    /// `CN = web` as `CN=web`.
    private static func withoutSpaces(_ part: [UInt8]) -> [UInt8] {
        guard let sign = part.firstIndex(of: UInt8(ascii: "=")), sign > 0, sign + 1 < part.count,
            part[sign - 1] == UInt8(ascii: " "), part[sign + 1] == UInt8(ascii: " ")
        else { return part }
        return part[..<(sign - 1)] + [UInt8(ascii: "=")] + part[(sign + 2)...]
    }
}
