// SPDX-License-Identifier: Apache-2.0

import CCurl
import EventLoop

extension CurlEasy {
    /// Sets every option that a request stands for.
    func apply(
        _ request: HTTPRequest,
        origin: HTTPOrigin,
        addresses: [ResolvedAddress],
        elapsed: Duration,
        remaining: Duration
    ) {
        applyCommon(protocols: "http,https", connect: request.connectTimeout - elapsed, remaining: remaining)
        applyURL(request, origin: origin)
        applyMethod(request)
        applyHeaders(request)
        applyRoute(request, origin: origin, addresses: addresses)
        apply(request.tls)
        set(CURLOPT_FOLLOWLOCATION, request.followsRedirects)
        set(CURLOPT_MAXREDIRS, request.maximumRedirects)
        if request.collectsCertificates { collectCertificates() }
        switch request.version {
        case .http1: set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        case .negotiated: set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        case .http2PriorKnowledge: set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE))
        }
    }

    /// What every transfer has, whatever its protocol.
    func applyCommon(protocols: String, connect: Duration, remaining: Duration) {
        set(CURLOPT_NOSIGNAL, true)
        set(CURLOPT_PROTOCOLS_STR, protocols)
        set(CURLOPT_REDIR_PROTOCOLS_STR, protocols)
        // The environment's proxies are not ours; a resolver thread that hangs must not hold up the loop.
        set(CURLOPT_PROXY, "")
        set(CURLOPT_QUICK_EXIT, true)
        set(CURLOPT_TIMEOUT_MS, Int(clamping: max(1, remaining.millisecondsRoundedUp)))
        set(CURLOPT_CONNECTTIMEOUT_MS, Int(clamping: max(1, min(connect, remaining).millisecondsRoundedUp)))
        set(CURLOPT_USERAGENT, "sidecar")
        set(CURLOPT_BUFFERSIZE, Self.bufferSize)
        set(CURLOPT_MAXAGE_CONN, 300)
    }

    func apply(_ tls: TLSOptions) {
        set(CURLOPT_SSL_VERIFYPEER, tls.verifiesPeer)
        set(CURLOPT_SSL_VERIFYHOST, tls.verifiesPeer ? 2 : 0)
        set(CURLOPT_SSLVERSION, tls.versions)
        if let file = tls.caFile { set(CURLOPT_CAINFO, file) }
        if let file = tls.certificateFile { set(CURLOPT_SSLCERT, file) }
        if let file = tls.keyFile { set(CURLOPT_SSLKEY, file) }
        if let text = tls.caText { setBlob(CURLOPT_CAINFO_BLOB, text) }
        if let text = tls.certificateText { setBlob(CURLOPT_SSLCERT_BLOB, text) }
        if let text = tls.keyText { setBlob(CURLOPT_SSLKEY_BLOB, text) }
    }

    /// libcurl takes the name for SNI and verification from the URL: another name goes there, and the connection goes
    /// where the URL said.
    private func applyURL(_ request: HTTPRequest, origin: HTTPOrigin) {
        guard let name = request.tls.serverName, origin.scheme == "https", name.lowercased() != origin.host else {
            return set(CURLOPT_URL, request.url)
        }
        set(CURLOPT_URL, "https://\(name):\(origin.port)\(request.pathAndQuery)")
        let host = origin.host.utf8.contains(UInt8(ascii: ":")) ? "[\(origin.host)]" : origin.host
        set(CURLOPT_CONNECT_TO, ["\(name):\(origin.port):\(host):\(origin.port)"])
    }

    /// The addresses that were looked up, so that libcurl asks nobody.
    func apply(_ addresses: [ResolvedAddress], host: String, port: UInt16) {
        guard !addresses.isEmpty else { return }
        let list = addresses.map { $0.isIPv6 ? "[\($0.text)]" : $0.text }.joined(separator: ",")
        set(CURLOPT_RESOLVE, ["+\(host):\(port):\(list)"])
    }

    private func applyMethod(_ request: HTTPRequest) {
        if let body = request.body {
            set(CURLOPT_POST, true)
            setBody(body)
            if request.method != "POST" { set(CURLOPT_CUSTOMREQUEST, request.method) }
        } else {
            switch request.method {
            case "GET": set(CURLOPT_HTTPGET, true)
            case "HEAD": set(CURLOPT_NOBODY, true)
            case "POST":
                set(CURLOPT_POST, true)
                setBody([])
            default: set(CURLOPT_CUSTOMREQUEST, request.method)
            }
        }
    }

    private func applyHeaders(_ request: HTTPRequest) {
        var lines: [String] = []
        var hasContentType = false
        if request.tls.serverName != nil, let authority = request.authority { lines.append("Host: \(authority)") }
        for (name, value) in request.headers {
            if name.lowercased() == "content-type" { hasContentType = true }
            lines.append(value.isEmpty ? "\(name):" : "\(name): \(value)")
        }
        // libcurl is not told: it would decompress all that it has read in one go, however much that stands for.
        if request.acceptsCompressed { lines.append("Accept-Encoding: gzip") }
        // libcurl would wait a second for "100 Continue", and call every body a form.
        lines.append("Expect:")
        if !hasContentType { lines.append("Content-Type:") }
        switch request.authorization {
        case .basic(let user, let password):
            set(CURLOPT_HTTPAUTH, ccurl_auth_basic)
            set(CURLOPT_USERNAME, user)
            set(CURLOPT_PASSWORD, password)
        case .bearer(let token): lines.append("Authorization: Bearer \(token)")
        case .other(let scheme, let credentials): lines.append("Authorization: \(scheme) \(credentials)")
        case nil: break
        }
        set(CURLOPT_HTTPHEADER, lines)
    }

    private func applyRoute(_ request: HTTPRequest, origin: HTTPOrigin, addresses: [ResolvedAddress]) {
        if let proxy = request.proxy { set(CURLOPT_PROXY, proxy) }
        if let hosts = request.hostsWithoutProxy { set(CURLOPT_NOPROXY, hosts) }
        if !request.proxyHeaders.isEmpty {
            set(CURLOPT_PROXYHEADER, request.proxyHeaders.map { "\($0.name): \($0.value)" })
        }
        if let path = request.unixSocketPath { set(CURLOPT_UNIX_SOCKET_PATH, path) }
        let wanted = addresses.filter { address in
            switch request.addressFamily {
            case .any: true
            case .ipv4: !address.isIPv6
            case .ipv6: address.isIPv6
            }
        }
        if ResolvedAddress(numeric: origin.host) == nil { apply(wanted, host: origin.host, port: origin.port) }
        switch request.addressFamily {
        case .any: break
        case .ipv4: set(CURLOPT_IPRESOLVE, Int(CURL_IPRESOLVE_V4))
        case .ipv6: set(CURLOPT_IPRESOLVE, Int(CURL_IPRESOLVE_V6))
        }
        if request.usesOwnConnection {
            set(CURLOPT_FRESH_CONNECT, true)
            set(CURLOPT_FORBID_REUSE, true)
        }
    }
}

extension HTTPRequest {
    /// What makes the request impossible, or dangerous because a line end would start a header of its own.
    var problem: String? {
        if url.utf8.count > 16 << 10 { return "URL too long" }
        if url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) { return "URL with a space or a control character" }
        guard let origin, origin.scheme == "http" || origin.scheme == "https" else { return "URL is not http or https" }
        if method.isEmpty || !method.utf8.allSatisfy(isTokenByte) { return "method" }
        for (name, value) in headers + proxyHeaders {
            guard !name.isEmpty, name.utf8.allSatisfy(isTokenByte) else { return "header name" }
            if value.utf8.contains(where: isLineBreaking) { return "value of header \(name)" }
        }
        if case .bearer(let token) = authorization, token.utf8.contains(where: isLineBreaking) { return "bearer token" }
        if case .other(let scheme, let credentials) = authorization,
            scheme.isEmpty || !scheme.utf8.allSatisfy(isTokenByte) || credentials.utf8.contains(where: isLineBreaking)
        {
            return "authorization"
        }
        if let name = tls.serverName,
            name.isEmpty || name.utf8.contains(where: { $0 <= 0x20 || "/:?#@[]".utf8.contains($0) })
        {
            return "server name"
        }
        if bodyLimit < 0 || headerLimit < 0 { return "limit" }
        return nil
    }
}

extension TLSOptions {
    /// The range of versions in libcurl's numbers.
    fileprivate var versions: Int {
        let lowest =
            switch requiresTLS13 ? .tls13 : lowestVersion ?? .tls12 {
            case .tls10: CURL_SSLVERSION_TLSv1_0
            case .tls11: CURL_SSLVERSION_TLSv1_1
            case .tls12: CURL_SSLVERSION_TLSv1_2
            case .tls13: CURL_SSLVERSION_TLSv1_3
            }
        let highest =
            switch highestVersion {
            case nil: CURL_SSLVERSION_MAX_DEFAULT
            case .tls10: CURL_SSLVERSION_MAX_TLSv1_0
            case .tls11: CURL_SSLVERSION_MAX_TLSv1_1
            case .tls12: CURL_SSLVERSION_MAX_TLSv1_2
            case .tls13: CURL_SSLVERSION_MAX_TLSv1_3
            }
        return Int(lowest) | Int(highest)
    }
}

private func isLineBreaking(_ byte: UInt8) -> Bool {
    (byte < 0x20 && byte != 0x09) || byte == 0x7f
}

/// RFC 9110, 5.6.2.
private func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}
