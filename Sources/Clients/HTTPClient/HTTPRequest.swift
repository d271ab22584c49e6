// SPDX-License-Identifier: Apache-2.0

/// What to ask of whom, and how long and how much of an answer to take. A value without secrets in its description.
package struct HTTPRequest: Sendable, CustomStringConvertible {
    /// What happens to a body that is longer than `bodyLimit`.
    package enum BodyOverflow: Hashable, Sendable {
        /// The transfer fails with `body_too_large`.
        case fail
        /// The rest is not read; the answer counts as complete. For receivers whose answer's head says it all.
        case truncate
    }

    /// How to speak.
    package enum Version: Hashable, Sendable {
        case http1
        /// Chosen by ALPN over TLS, HTTP/1.1 otherwise.
        case negotiated
        /// HTTP/2 without asking first, as gRPC does on a plain connection.
        case http2PriorKnowledge
    }

    package enum AddressFamily: Hashable, Sendable {
        case any, ipv4, ipv6
    }

    package enum Authorization: Sendable {
        case basic(user: String, password: String)
        case bearer(String)
        /// Any other scheme with its credentials.
        case other(scheme: String, credentials: String)
    }

    /// `http` or `https`, nothing else.
    package var url: String
    package var method: String
    /// Sent as given; a name with an empty value removes one of libcurl's own headers.
    package var headers: [(name: String, value: String)] = []
    package var body: [UInt8]?
    package var authorization: Authorization?
    /// Connects to this path instead of the URL's host.
    package var unixSocketPath: String?
    package var proxy: String?
    /// Hosts that are asked without the proxy: names, `.suffixes`, addresses and networks, separated by commas.
    package var hostsWithoutProxy: String?
    /// Sent to the proxy alone.
    package var proxyHeaders: [(name: String, value: String)] = []
    package var tls = TLSOptions()
    package var followsRedirects = false
    package var maximumRedirects = 10
    /// From the start until the connection stands, TLS included.
    package var connectTimeout: Duration = .seconds(5)
    /// From the start until the last byte.
    package var deadline: Duration = .seconds(10)
    /// Bytes after decompression.
    package var bodyLimit = 64 << 20
    package var bodyOverflow = BodyOverflow.fail
    /// Bytes of all header lines of one answer, and how many of them.
    package var headerLimit = 64 << 10
    package var headerCountLimit = 256
    package var acceptsCompressed = true
    /// Whether the report carries every header line; status and content type are always there.
    package var collectsHeaders = false
    package var collectsCertificates = false
    package var version = Version.http1
    package var addressFamily = AddressFamily.any
    /// Opens a connection for this transfer alone and closes it afterwards.
    package var usesOwnConnection = false
    /// Decides by its numeric address whether a peer may be talked to; nil allows all.
    package var allowsAddress: (@Sendable (String) -> Bool)?

    package init(url: String, method: String = "GET") {
        self.url = url
        self.method = method
    }

    /// Scheme, host and port, which connections and their edges are known by; nil when the URL has none.
    package var origin: HTTPOrigin? { HTTPOrigin(url: url, unixSocketPath: unixSocketPath) }

    package var description: String { "\(method) \(origin?.description ?? "invalid URL")" }

    /// The URL from its path on.
    var pathAndQuery: Substring {
        guard let start = afterScheme.firstIndex(where: { "/?#".contains($0) }) else { return "/" }
        return afterScheme[start...]
    }

    /// Host and port as the URL has them.
    var authority: Substring? {
        let authority = afterScheme.prefix { !"/?#".contains($0) }
        return authority.split(separator: "@").last
    }

    private var afterScheme: Substring {
        guard let colon = url.firstIndex(of: ":") else { return url[...] }
        return url[colon...].drop { $0 == ":" }.dropFirst(2)
    }
}

/// How to trust and to be trusted.
package struct TLSOptions: Hashable, Sendable {
    package var caFile: String?
    package var certificateFile: String?
    package var keyFile: String?
    /// The same as PEM text.
    package var caText: String?
    package var certificateText: String?
    package var keyText: String?
    /// What the certificate must be for, and what the peer is told is wanted, instead of the URL's host.
    package var serverName: String?
    /// False accepts any certificate: for checks and scrapes that ask for it, never for notifications.
    package var verifiesPeer = true
    /// The lowest version spoken, 1.2 or 1.3.
    package var requiresTLS13 = false
    /// Older versions than 1.2, for peers that know no better.
    package var lowestVersion: Version?
    package var highestVersion: Version?

    package enum Version: String, Hashable, Sendable, CaseIterable {
        case tls10 = "TLS10"
        case tls11 = "TLS11"
        case tls12 = "TLS12"
        case tls13 = "TLS13"
    }

    package init() {}
}
