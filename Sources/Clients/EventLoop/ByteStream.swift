// SPDX-License-Identifier: Apache-2.0

/// Why a stream did not open, or has ended.
package struct StreamFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Reason: String, Hashable, Sendable, CaseIterable {
        case dns
        case refused
        case unreachable
        case connectTimeout = "connect_timeout"
        case reset
        /// The peer has closed in good order.
        case closed
        case tlsHandshake = "tls_handshake"
        case tlsTimeout = "tls_timeout"
        case tlsExpired = "tls_expired"
        case tlsUntrusted = "tls_untrusted"
        case tlsHostname = "tls_hostname"
        case tlsConfiguration = "tls_configuration"
        case invalidAddress = "invalid_address"
        case cancelled
        case `internal`
    }

    package var reason: Reason
    package var text: String

    package init(_ reason: Reason, _ text: String = "") {
        self.reason = reason
        self.text = text
    }

    package var description: String { text.isEmpty ? reason.rawValue : "\(reason.rawValue): \(text)" }
}

/// A connection that carries bytes both ways, plain or encrypted, on a loop's thread.
package protocol ByteStream: AnyObject {
    /// Called with what has arrived.
    var onBytes: (([UInt8]) -> Void)? { get set }
    /// Called once when an open stream ends by the peer or by an error, not by `close`.
    var onEnd: ((StreamFailure) -> Void)? { get set }
    /// How long the parts of opening took.
    var phases: StreamPhases { get }

    /// Connects; calls back once. Used once in a stream's life.
    func open(deadline: Duration, completion: @escaping (StreamFailure?) -> Void)

    /// Sends all of it, keeping what the peer does not take yet.
    func send(_ bytes: [UInt8])

    /// Ends the stream; nobody is called back.
    func close()
}

/// How long the parts of opening a stream took.
package struct StreamPhases: Hashable, Sendable {
    package var resolve = Duration.zero
    package var connect = Duration.zero
    package var tls = Duration.zero
    /// The peer's numeric address, nil for a Unix socket.
    package var address: String?

    package init() {}
}

/// Where a stream goes.
package enum StreamAddress: Hashable, Sendable, CustomStringConvertible {
    case host(String, port: UInt16)
    case unix(path: String)

    /// `host:port`, `[::1]:port`, `unix:/path` or `/path`.
    package init?(_ text: String, defaultPort: UInt16? = nil) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/") || path.hasPrefix("@") else { return nil }
            self = .unix(path: path)
            return
        }
        if text.hasPrefix("/") {
            self = .unix(path: text)
            return
        }
        var host = Substring(text)
        var port = defaultPort
        if text.hasPrefix("["), let close = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            if rest.hasPrefix(":") { port = UInt16(rest.dropFirst()) } else if !rest.isEmpty { return nil }
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            guard !host.contains(":") else { return nil }
            port = UInt16(text[text.index(after: colon)...])
        }
        let isPlain = host.utf8.allSatisfy {
            $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "@")
        }
        guard let port, port > 0, !host.isEmpty, isPlain else { return nil }
        self = .host(String(host), port: port)
    }

    package var description: String {
        switch self {
        case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
