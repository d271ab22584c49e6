// SPDX-License-Identifier: Apache-2.0

/// Where connections go: scheme, host and port, or a Unix socket.
package struct HTTPOrigin: Hashable, Sendable, CustomStringConvertible {
    package var scheme: String
    /// Lower case, IPv6 without brackets.
    package var host: String
    package var port: UInt16
    package var unixSocketPath: String?

    /// Reads the part of a URL before its path; user and password are passed over.
    package init?(url: String, unixSocketPath: String? = nil) {
        guard let separator = url.firstRange(of: "://") else { return nil }
        scheme = url[..<separator.lowerBound].lowercased()
        let rest = url[separator.upperBound...]
        let end = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
        var authority = rest[..<(end ?? rest.endIndex)]
        if let at = authority.utf8.lastIndex(of: UInt8(ascii: "@")) {
            authority = authority[authority.index(after: at)...]
        }
        var portText: Substring?
        if authority.utf8.first == UInt8(ascii: "["), let close = authority.utf8.firstIndex(of: UInt8(ascii: "]")) {
            host = authority[authority.index(after: authority.startIndex)..<close].lowercased()
            let after = authority[authority.index(after: close)...]
            if after.utf8.first == UInt8(ascii: ":") { portText = after.dropFirst() }
        } else if let colon = authority.utf8.lastIndex(of: UInt8(ascii: ":")) {
            host = authority[..<colon].lowercased()
            portText = authority[authority.index(after: colon)...]
        } else {
            host = authority.lowercased()
        }
        guard !host.isEmpty else { return nil }
        if let portText, !portText.isEmpty {
            guard let number = UInt16(portText) else { return nil }
            port = number
        } else {
            port = scheme == "https" ? 443 : 80
        }
        self.unixSocketPath = unixSocketPath
    }

    package var description: String {
        if let unixSocketPath { return "\(scheme)+unix:\(unixSocketPath)" }
        return host.utf8.contains(UInt8(ascii: ":")) ? "\(scheme)://[\(host)]:\(port)" : "\(scheme)://\(host):\(port)"
    }
}

extension String {
    fileprivate func firstRange(of needle: String) -> Range<String.Index>? {
        let bytes = Array(needle.utf8)
        var start = utf8.startIndex
        while start != utf8.endIndex {
            if utf8[start...].starts(with: bytes) { return start..<utf8.index(start, offsetBy: bytes.count) }
            start = utf8.index(after: start)
        }
        return nil
    }
}
