// SPDX-License-Identifier: Apache-2.0

import DNSClient
import HTTPClient
import Scraping
import SidecarServer
import Testing
import YAMLDocument

/// `scrape_configs` as the file says it.
@Suite struct ScrapeConfigurationTests {
    private func read(_ text: String) -> SidecarConfiguration.Reading {
        let contents = [
            "/etc/s.yml": text, "/etc/password": "from file\n", "/etc/header": "h\n",
        ]
        let files = FileAccess(
            read: { contents[$0].map { Array($0.utf8) } },
            expand: { [$0] },
            environment: { ["TOKEN": "t0", "HTTP_PROXY": "http://proxy:1"][$0] },
            zone: { _ in nil }
        )
        return SidecarConfiguration.read(file: "/etc/s.yml", files: files)
    }

    @Test func `Prometheus's keys mean what they mean there`() throws {
        let reading = read(
            """
            global: { scrape_native_histograms: true, keep_dropped_targets: 5, metric_name_validation_scheme: legacy }
            scrape_configs:
              - job_name: a
                scrape_protocols: [ PrometheusText0.0.4 ]
                fallback_scrape_protocol: PrometheusProto
                always_scrape_classic_histograms: true
                track_timestamps_staleness: true
                native_histogram_bucket_limit: 100
                native_histogram_min_bucket_factor: 1.1
                metric_name_validation_scheme: utf8
                enable_http2: true
                basic_auth: { username: me, password_file: /etc/password }
                tls_config: { ca_file: ca.pem, cert_file: c.pem, key_file: c.key, server_name: x, min_version: TLS13 }
                proxy_url: http://proxy:3128
                no_proxy: 10.0.0.0/8
                proxy_connect_header: { X-Proxy: [ "1" ] }
                http_headers: { X-A: "${env:TOKEN}", X-B: { values: [ "1" ], secrets: [ "2" ], files: [ /etc/header ] } }
                file_sd_configs: [ { files: [ t/*.json ], refresh_interval: 1m } ]
                dns_sd_configs: [ { names: [ a.b ], type: A, port: 9 } ]
              - { job_name: b, authorization: { type: Token, credentials: "${env:TOKEN}" }, proxy_from_environment: true }
            """
        )
        let configuration = try #require(reading.configuration, "\(reading.problems)")
        let first = try #require(configuration.scrapes.first)
        #expect(first.protocols == [.text004] && first.fallbackProtocol == .protobuf)
        #expect(first.scrapesNativeHistograms && first.alwaysScrapesClassicHistograms && first.tracksTimestampStaleness)
        #expect(first.limits.nativeBuckets == 100 && first.nativeHistogramMinimumFactor == 1.1)
        #expect(first.limits.keptDroppedTargets == 5 && first.allowsHTTP2)
        #expect(first.nameValidation == .utf8 && configuration.scrapes[1].nameValidation == .legacy)
        #expect(configuration.scrapes[1].protocols == ScrapeProtocol.withNativeHistograms)
        guard case .basic(let user, let password)? = first.authorization else {
            Issue.record("no basic authentication")
            return
        }
        #expect(user == "me" && password == "from file")
        #expect(first.tls.caFile == "/etc/ca.pem" && first.tls.serverName == "x" && first.tls.lowestVersion == .tls13)
        #expect(first.proxy == "http://proxy:3128" && first.hostsWithoutProxy == "10.0.0.0/8")
        #expect(first.headers.map { "\($0.name)=\($0.value)" } == ["X-A=t0", "X-B=1", "X-B=2", "X-B=h"])
        #expect(
            first.discovery == [
                .files(.init(patterns: ["/etc/t/*.json"], refreshInterval: .seconds(60))),
                .names(.init(names: ["a.b"], type: .a, port: 9)),
            ]
        )
        guard case .other("Token", "t0")? = configuration.scrapes[1].authorization else {
            Issue.record("no authorization")
            return
        }
        #expect(configuration.scrapes[1].proxy == "http://proxy:1")
    }

    @Test(arguments: [
        ("oauth2: { client_id: a }", "not supported"), ("consul_sd_configs: []", "use static_configs"),
        ("convert_classic_histograms_to_nhcb: true", "not supported"), ("scrape_protocols: [ Prometheus ]", "expected"),
        ("scrape_protocols: []", "at least one"), ("scrape_protocols: [ PrometheusProto, PrometheusProto ]", "twice"),
        ("http_headers: { Host: x }", "header"), ("tls_config: { cert_file: a }", "key"),
        ("tls_config: { ca: a, ca_file: b }", "at most one"), ("no_proxy: a", "proxy_url"),
        ("tls_config: { min_version: TLS13, max_version: TLS12 }", "below"),
        ("authorization: { type: Basic, credentials: a }", "basic_auth"),
        ("basic_auth: { username: a, password: b, password_file: c }", "at most one"),
        ("file_sd_configs: [ { files: [ a.txt ] } ]", ".json"),
        ("file_sd_configs: [ { files: [ \"*/a.yml\" ] } ]", "last"),
        ("dns_sd_configs: [ { names: [ a ], type: A } ]", "port"),
        ("dns_sd_configs: [ { names: [ a ], type: HINFO } ]", "one of"),
        ("metric_name_escaping_scheme: nonsense", "one of"),
        ("scrape_protocol: [ PrometheusProto ]", "scrape_protocols"),
    ])
    func `what is not supported or wrong is said with its place`(key: String, words: String) {
        let reading = read("scrape_configs:\n  - job_name: a\n    \(key)\n")
        #expect(reading.configuration == nil, "\(key)")
        #expect(reading.problems.contains { $0.line == 3 && $0.message.contains(words) }, "\(key): \(reading.problems)")
    }
}
