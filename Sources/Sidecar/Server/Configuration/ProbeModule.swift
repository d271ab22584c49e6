// SPDX-License-Identifier: Apache-2.0

import DependencyChecks

/// How `/probe` asks a target that a request names.
package struct ProbeModule: Sendable {
    /// With an address that stands for the request's.
    package var kind: CheckDefinition.Kind
    package var timeout: Duration

    /// The check of one target; nil when the module cannot ask such a target.
    func definition(for target: ProbeTarget) -> CheckDefinition.Kind? {
        switch kind {
        case .http(var configuration):
            configuration.url = target.url
            // a redirect could lead where the request itself may not
            configuration.followsRedirects = false
            return .http(configuration)
        case .tcp(var configuration):
            guard target.isPlainAddress else { return nil }
            configuration.address = target.authority
            return .tcp(configuration)
        default:
            return nil
        }
    }
}

/// A target as a request names it: `host:port`, or a URL without credentials.
package struct ProbeTarget: Sendable, Equatable {
    package let host: String
    package let port: UInt16
    /// The part of the text that names host and port.
    package let authority: String
    package let isPlainAddress: Bool
    package let url: String

    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, bytes.count <= 2_048, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x5c }) else {
            return nil
        }
        var rest = bytes[...]
        var standardPort: UInt16 = 80
        let hasScheme = rest.starts(with: "http://".utf8) || rest.starts(with: "https://".utf8)
        if hasScheme {
            if rest.starts(with: "https".utf8) { standardPort = 443 }
            rest = rest.drop { $0 != UInt8(ascii: "/") }.dropFirst(2)
        }
        let authority = rest.prefix { !"/?#".utf8.contains($0) }
        isPlainAddress = !hasScheme && authority.count == rest.count
        guard !authority.contains(UInt8(ascii: "@")) else { return nil }
        self.authority = String(decoding: authority, as: UTF8.self)
        url = hasScheme ? text : "http://" + text
        let end = authority.first == UInt8(ascii: "[") ? authority.firstIndex(of: UInt8(ascii: "]")) : nil
        let name = end.map { authority[authority.startIndex...$0] } ?? authority.prefix { $0 != UInt8(ascii: ":") }
        let digits = authority[name.endIndex...]
        guard !name.isEmpty else { return nil }
        host = String(decoding: name, as: UTF8.self).lowercased()
        if digits.isEmpty {
            port = standardPort
        } else {
            guard digits.first == UInt8(ascii: ":"),
                let number = UInt16(String(decoding: digits.dropFirst(), as: UTF8.self)), number > 0
            else { return nil }
            port = number
        }
    }
}

/// Whom a request may name: `HOST:PORT`, `*.DOMAIN:PORT`, with `*` for any port.
package struct ProbeTargetPattern: Sendable, Equatable {
    private let host: String
    private let isDomain: Bool
    private let port: UInt16?

    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let ports = text[text.index(after: colon)...]
        let name = text[..<colon].lowercased()
        guard !name.isEmpty, ports == "*" || UInt16(ports) != nil else { return nil }
        port = UInt16(ports)
        isDomain = name.hasPrefix("*.")
        host = isDomain ? String(name.dropFirst(1)) : name
        guard !host.contains("*"), host != "." else { return nil }
    }

    package func allows(_ target: ProbeTarget) -> Bool {
        guard port == nil || port == target.port else { return false }
        return isDomain ? target.host.hasSuffix(host) : target.host == host
    }
}
