// SPDX-License-Identifier: Apache-2.0

import Scraping
import YAMLDocument

/// Reads Prometheus's keys of an HTTP client in a scrape configuration: who we are, whom we trust, which way we go.
struct ScrapeClientReader {
    let secrets: SecretResolver
    let files: FileAccess

    private var values: HTTPAuthorizationReader { HTTPAuthorizationReader(secrets: secrets, files: files) }

    func read(_ reader: YAMLMappingReader, into scrape: inout ScrapeConfiguration) {
        scrape.followsRedirects = reader.boolean("follow_redirects") ?? scrape.followsRedirects
        scrape.allowsHTTP2 = reader.boolean("enable_http2") ?? scrape.allowsHTTP2
        scrape.authorization = values.read(reader)
        if reader.contains("oauth2") {
            reader.problem("oauth2", "oauth2 is not supported; use basic_auth, authorization or a client certificate")
        }
        if let section = reader.mapping("tls_config") {
            scrape.tls = TLSOptionsReader.read(section, secrets: secrets, files: files)
        }
        if let headers = reader.mapping("http_headers") { scrape.headers = self.headers(headers) }
        proxy(reader, &scrape)
    }

    // MARK: Headers

    /// Those that belong to the request itself, or have keys of their own.
    private static let reserved: Set<String> = [
        "authorization", "host", "content-encoding", "content-length", "content-type", "user-agent", "connection",
        "keep-alive", "proxy-authenticate", "proxy-authorization", "www-authenticate", "accept-encoding",
        "x-prometheus-remote-write-version", "x-prometheus-remote-read-version", "x-prometheus-scrape-timeout-seconds",
        "x-amz-date", "x-amz-security-token", "x-amz-content-sha256",
    ]

    /// `Name: value`, or in Prometheus's form `Name: { values: […], secrets: […], files: […] }`.
    private func headers(_ reader: YAMLMappingReader) -> [(name: String, value: String)] {
        reader.keys.flatMap { name -> [(name: String, value: String)] in
            if Self.reserved.contains(name.lowercased()) {
                reader.problem(name, "header \"\(name)\" is set by the scrape itself or by a key of its own")
            }
            guard let node = reader.value(name), node.entries != nil, let section = reader.mapping(name) else {
                return values.secret(reader, name).map { [(name, $0)] } ?? []
            }
            defer { section.finish() }
            return texts(section).map { (name, $0) }
        }
    }

    private func texts(_ section: YAMLMappingReader) -> [String] {
        let plain = (section.strings("values") ?? []) + (section.strings("secrets") ?? [])
        var result: [String] = []
        for text in plain {
            do throws(SecretResolver.Failure) {
                result.append(try secrets.resolve(text))
            } catch {
                section.problem(nil, error.description)
            }
        }
        for path in section.strings("files") ?? [] {
            guard let bytes = files.read(path) else {
                section.problem("files", "\(section.name("files")): \"\(path)\" cannot be read")
                continue
            }
            result.append(HTTPAuthorizationReader.trimmed(bytes))
        }
        return result
    }

    // MARK: Proxy

    private func proxy(_ reader: YAMLMappingReader, _ scrape: inout ScrapeConfiguration) {
        scrape.proxy = values.secret(reader, "proxy_url")
        scrape.hostsWithoutProxy = reader.string("no_proxy")
        if reader.boolean("proxy_from_environment") == true {
            if scrape.proxy != nil || scrape.hostsWithoutProxy != nil {
                reader.problem(
                    "proxy_from_environment",
                    "proxy_from_environment takes the place of proxy_url and no_proxy"
                )
            }
            let isSecure = scrape.scheme == "https"
            scrape.proxy = environment(isSecure ? "HTTPS_PROXY" : "HTTP_PROXY")
            scrape.hostsWithoutProxy = environment("NO_PROXY")
        } else if scrape.hostsWithoutProxy != nil, scrape.proxy == nil {
            reader.problem("no_proxy", "no_proxy needs proxy_url")
        }
        guard let section = reader.mapping("proxy_connect_header") else { return }
        if scrape.proxy == nil { reader.problem("proxy_connect_header", "proxy_connect_header needs a proxy") }
        scrape.proxyHeaders = section.keys.flatMap { name in
            (section.strings(name, orSingle: true) ?? []).map { (name: name, value: $0) }
        }
    }

    private func environment(_ name: String) -> String? {
        let value = files.environment(name) ?? files.environment(name.lowercased())
        return value.flatMap { $0.isEmpty ? nil : $0 }
    }
}
