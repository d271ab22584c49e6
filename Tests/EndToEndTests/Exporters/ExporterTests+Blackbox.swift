// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The prober of each kind, on what is well and on what is not.
extension ExporterTests {
    /// A module of the exporter, the same check of ours, and what both look at.
    private struct Probe {
        let module: String
        let target: String
        let check: String
        let isUp: Bool
        let names: Int
        /// What the exporter alone has its own opinion about.
        let exceptions: Set<String>

        init(
            _ module: String,
            _ target: String,
            _ check: String,
            isUp: Bool = true,
            names: Int,
            exceptions: Set<String> = []
        ) {
            self.module = module
            self.target = target
            self.check = check
            self.isUp = isUp
            self.names = names
            self.exceptions = exceptions
        }
    }

    @Test func `blackbox_exporter`() async throws {
        let certificates = try await TestCertificates()
        let (certificate, key) = try await certificates.make("web", names: "DNS:localhost,IP:127.0.0.1", days: 60)
        let (old, oldKey) = try await certificates.make("old", days: -1)
        let (web, expired, gone) = (try freePort(), try freePort(), try freePort())
        let nginx = try await NginxServer(
            """
            server {
                listen 127.0.0.1:\(web) ssl;
                ssl_certificate \(certificate);
                ssl_certificate_key \(key);
                default_type text/plain;
                location / { return 200 "hello, world\\n"; }
                location /moved { return 302 /hello; }
                location /ill { return 503 "no database\\n"; }
            }
            server {
                listen 127.0.0.1:\(expired) ssl;
                ssl_certificate \(old);
                ssl_certificate_key \(oldKey);
                location / { return 200 "hello, world\\n"; }
            }
            """,
            port: web
        )
        let mail = try SMTPReceiver()
        let names = try await DNSServer(["--host-record=a.example,10.0.0.1"])
        let tls = "tls_config: { ca_file: \"\(certificates.authority)\" }"
        let modules = """
            modules:
              web: { prober: http, timeout: 5s, http: { preferred_ip_protocol: ip4, \(tls), fail_if_body_not_matches_regexp: [ "wor.d" ] } }
              stay: { prober: http, timeout: 5s, http: { preferred_ip_protocol: ip4, \(tls), follow_redirects: false } }
              port: { prober: tcp, timeout: 5s, tcp: { preferred_ip_protocol: ip4 } }
              secure: { prober: tcp, timeout: 5s, tcp: { preferred_ip_protocol: ip4, tls: true, \(tls) } }
              mail: { prober: tcp, timeout: 5s, tcp: { preferred_ip_protocol: ip4, query_response: [ { expect: "^220 " }, { send: "QUIT" } ] } }
              name: { prober: dns, timeout: 5s, dns: { preferred_ip_protocol: ip4, query_name: a.example, query_type: A } }
              nobody: { prober: dns, timeout: 5s, dns: { preferred_ip_protocol: ip4, query_name: b.example, query_type: A } }
            """
        let base = "https://127.0.0.1:\(web)"
        func http(_ url: String, _ more: String = "") -> String { "http: { url: \"\(url)\", \(tls)\(more) }" }
        let words = ", body_matches: [ \"wor.d\" ]"
        let (secure, old443, closed) = ("127.0.0.1:\(web)", "127.0.0.1:\(expired)", "127.0.0.1:\(gone)")
        let (mailbox, zone) = ("127.0.0.1:\(mail.port)", "127.0.0.1:\(names.port)")
        func tcp(_ address: String, _ more: String = "") -> String { "tcp: { address: \"\(address)\"\(more) }" }
        func dns(_ name: String) -> String { "dns: { name: \(name), server: \"\(zone)\" }" }
        let talk = ", query_response: [ { expect: \"^220 \" }, { send: \"QUIT\\r\\n\" } ]"
        let probes = [
            Probe("web", base + "/hello", http(base + "/hello", words), names: 13),
            Probe("web", base + "/moved", http(base + "/moved", words + ", follow_redirects: true"), names: 13),
            Probe(
                "stay",
                base + "/moved",
                http(base + "/moved", ", follow_redirects: false"),
                isUp: false,
                names: 11,
                // it counts what it did not follow, and does not read what came with it
                exceptions: ["probe_http_redirects", "probe_http_uncompressed_body_length"]
            ),
            Probe("web", base + "/ill", http(base + "/ill", words), isUp: false, names: 13),
            Probe("web", "https://\(old443)/", http("https://\(old443)/", words), isUp: false, names: 9),
            Probe("web", "https://\(closed)/", http("https://\(closed)/", words), isUp: false, names: 8),
            Probe("port", secure, tcp(secure), names: 3),
            Probe("port", closed, tcp(closed), isUp: false, names: 3),
            Probe("secure", secure, tcp(secure, ", tls: true, " + tls), names: 7),
            Probe("secure", old443, tcp(old443, ", tls: true, " + tls), isUp: false, names: 2),
            Probe("mail", mailbox, tcp(mailbox, talk), names: 3),
            Probe("name", zone, dns("a.example"), names: 5),
            Probe("nobody", zone, dns("b.example"), isUp: false, names: 5),
        ]
        let directory = try TemporaryDirectory("blackbox")
        let path = try directory.write(modules, to: "blackbox.yml")
        let peer = try await ExporterPeer("prometheus-blackbox-exporter") {
            ["--config.file=\(path)", "--web.listen-address=127.0.0.1:\($0)"]
        }
        for probe in probes { try await compare(probe, peer) }
        for process in [peer.process, nginx.process, names.process] { await process.stop() }
    }

    private func compare(_ probe: Probe, _ peer: ExporterPeer) async throws {
        let sidecar = try await ExporterPeer.sidecar(probe.check, isUp: probe.isUp)
        try await ExporterComparison(
            url: "\(peer.url)/probe?module=\(probe.module)&target=\(probe.target)",
            sidecar: sidecar,
            // two programs take two times for the same thing
            exceptions: probe.exceptions.union([
                "probe_dns_lookup_time_seconds", "probe_duration_seconds", "probe_http_duration_seconds",
                "probe_dns_duration_seconds",
            ]),
            // by the certificate's number here, by its fingerprint there
            aggregated: ["probe_ssl_last_chain_info": (["issuer", "subject", "subjectalternative"], .maximum)],
            rounds: 3
        ).run(names: probe.names, series: probe.names)
        await sidecar.process.stop()
    }
}
