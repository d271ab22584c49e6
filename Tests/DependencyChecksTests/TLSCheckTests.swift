// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import Foundation
import HTTPClient
import HealthChecks
import TestSupport
import Testing

/// TLS from the first byte and from the middle, with certificates of every kind, made here.
@Suite(.timeLimit(.minutes(2)))
struct TLSCheckTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    @Test
    func `each protocol is asked for TLS in its own words`() async throws {
        let certificates = try await TestCertificates()
        let (certificate, key) = try await certificates.make("server")
        let ldapAnswer: [UInt8] = [0x30, 0x0c, 2, 1, 1, 0x78, 7, 0x0a, 1, 0, 4, 0, 4, 0]
        let servers: [(StartTLSProtocol, [(String, String)], [UInt8]?)] = [
            (
                .smtp,
                [("", "220-a\r\n220 b\r\n"), ("EHLO", "250-a\r\n250 STARTTLS\r\n"), ("STARTTLS", "220 go\r\nTLS")], nil
            ),
            (.imap, [("", "* OK ready\r\n"), ("a1 STARTTLS", "a1 OK\r\nTLS")], nil),
            (.pop3, [("", "+OK ready\r\n"), ("STLS", "+OK\r\nTLS")], nil), (.ldap, [], ldapAnswer),
            (.ftp, [("", "220 ready\r\n"), ("AUTH TLS", "234 go\r\nTLS")], nil),
        ]
        for (proto, conversation, binary) in servers {
            let server = try await StartTLSServer(
                conversation: conversation.map { (prefix: $0.0, answer: $0.1) },
                binary: binary,
                certificate: certificate,
                key: key
            )
            let result = try await check("localhost", server.port, certificates) { $0.startTLS = proto }
            #expect(result.verdict == .up, "\(proto): \(result.text)")
            let expiry = try #require(result.value("probe_ssl_earliest_cert_expiry"))
            #expect(abs(expiry - Date.now.timeIntervalSince1970 - 30 * 86_400) < 3_600, "the authority's comes first")
            let leaf = try #require(result.value("probe_ssl_cert_not_after", ["position": "0"]))
            #expect(abs(leaf - Date.now.timeIntervalSince1970 - 300 * 86_400) < 3_600)
            #expect(result.value("probe_ssl_last_chain_info", ["issuer": "CN=Test ca"]) == 1)
            #expect(result.value("probe_tls_version_info", ["version": "TLS 1.3"]) == 1)
            let untrusted = try await check("localhost", server.port, nil) { $0.startTLS = proto }
            #expect(untrusted.reason == .tls, "\(proto): \(untrusted.text)")
            await server.stop()
        }
    }

    @Test(arguments: [StartTLSProtocol.smtp, .imap, .pop3, .postgres])
    func `bytes in the clear behind the agreement to encrypt are somebody else's, and refused`(
        _ proto: StartTLSProtocol
    ) async throws {
        let injected = "250 injected\r\n"
        let server = try TCPServer { connection in
            switch proto {
            case .postgres:
                guard connection.read(8) != nil else { return }
                connection.send("S" + injected)
            case .imap:
                connection.send("* OK ready\r\n")
                while let line = connection.readLine() { if line.hasSuffix("STARTTLS") { break } }
                connection.send("a1 OK\r\n" + injected)
            case .pop3:
                connection.send("+OK ready\r\n")
                while let line = connection.readLine() { if line == "STLS" { break } }
                connection.send("+OK\r\n" + injected)
            default:
                connection.send("220 ready\r\n")
                while let line = connection.readLine() {
                    if line == "STARTTLS" { break }
                    connection.send("250 STARTTLS\r\n")
                }
                connection.send("220 go\r\n" + injected)
            }
            connection.waitForEnd()
        }
        let result = try await check("localhost", server.port, nil) { $0.startTLS = proto }
        #expect(result.reason == .protocolError, "\(proto): \(result.text)")
        #expect(result.value("probe_success") == 0)
    }

    @Test
    func `PostgreSQL itself is asked for TLS, and what refuses is told`() async throws {
        let certificates = try await TestCertificates()
        let (certificate, key) = try await certificates.make("server")
        try await own(key, by: "postgres")
        let server = try await PostgresServer(settings: [
            "ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key,
        ])
        let result = try await check("localhost", server.port, certificates) { $0.startTLS = .postgres }
        #expect(result.verdict == .up, "\(result.text)")
        #expect(result.value("probe_ssl_earliest_cert_expiry") != nil)
        await server.stop()
        try await server.start(settings: ["ssl": "off"])
        let refused = try await check("localhost", server.port, certificates) { $0.startTLS = .postgres }
        #expect(refused.reason == .statusCode, "\(refused.text)")
        await server.stop()
        let plain = try TCPServer { connection in
            connection.send("220 ready\r\n")
            while let line = connection.readLine() {
                connection.send(line.hasPrefix("EHLO") ? "250 hello\r\n" : "502 no such command\r\n")
            }
        }
        let no = try await check("localhost", plain.port, certificates) { $0.startTLS = .smtp }
        #expect(no.reason == .statusCode)
        #expect(no.text == "refused: 502 no such command")
        let eager = try TCPServer { connection in
            connection.send("220 ready\r\n")
            _ = connection.readLine()
            connection.send("250 hello\r\n")
            _ = connection.readLine()
            connection.send("220 go\r\n250 injected\r\n")
            connection.waitForEnd()
        }
        #expect(
            try await check("localhost", eager.port, certificates) { $0.startTLS = .smtp }.reason == .protocolError
        )
    }

    @Test
    func `wrong host, expired, unknown and soon expiring certificates have their own reasons`() async throws {
        let certificates = try await TestCertificates()
        try await certificates.makeAuthority("stranger")
        let cases: [(String, String, Int, String, HealthReason?)] = [
            ("good", "DNS:localhost", 300, "ca", nil), ("other", "DNS:elsewhere.example", 300, "ca", .tls),
            ("old", "DNS:localhost", -1, "ca", .certificateExpiry), ("unknown", "DNS:localhost", 300, "stranger", .tls),
            ("soon", "DNS:localhost", 5, "ca", .certificateExpiry),
        ]
        for (name, names, days, authority, reason) in cases {
            let made = try await certificates.make(name, names: names, days: days, authority: authority)
            let port = try freePort()
            let server = try ChildProcess(
                "openssl",
                [
                    "s_server", "-accept", "127.0.0.1:\(port)", "-cert", made.certificate, "-cert_chain",
                    made.certificate,
                ]
                    + ["-key", made.key, "-www", "-quiet"]
            )
            #expect(await waitUntil { accepts(port: port) })
            let tcp = try await check("localhost", port, certificates) { $0.usesTLS = true }
            #expect(tcp.reason == reason, "\(name): \(tcp.text)")
            #expect((tcp.verdict == .degraded) == (name == "soon"), "\(name): \(tcp.text)")
            var http = HTTPCheckConfiguration(url: "https://localhost:\(port)/")
            http.tls.caFile = certificates.authority
            let httpCheck = try HTTPCheck(name: "page", http, in: fixture.environment)
            let page = await httpCheck.check(deadline: .seconds(2))
            #expect(page.reason == reason, "\(name): \(page.text)")
            if reason == nil {
                #expect(page.value("probe_ssl_cert_not_after", ["position": "1"]) != nil)
                #expect(page.value("probe_tls_version_info", ["version": "TLS 1.3"]) == 1)
            }
            httpCheck.close()
            await server.stop(SIGKILL)
        }
    }

    @Test
    func `a peer that wants a client's certificate gets it`() async throws {
        let certificates = try await TestCertificates()
        let (certificate, key) = try await certificates.make("server")
        let client = try await certificates.make("client", names: "DNS:client")
        let server = try await StartTLSServer(
            conversation: [("", "220 a\r\n"), ("EHLO", "250 STARTTLS\r\n"), ("STARTTLS", "220 go\r\nTLS")],
            certificate: certificate,
            key: key,
            clientAuthority: certificates.authority
        )
        func result(_ change: (inout SMTPCheckConfiguration) -> Void) async throws -> CheckResult {
            var configuration = SMTPCheckConfiguration(address: "localhost:\(server.port)")
            configuration.encryption = .startTLS
            configuration.tls.caFile = certificates.authority
            change(&configuration)
            let check = try ProbeCheck<TCPProbe>(name: "mail", smtp: configuration, in: fixture.environment)
            return await check.check(deadline: .seconds(2))
        }
        let good = try await result {
            $0.tls.certificateFile = client.certificate
            $0.tls.keyFile = client.key
            $0.expect = "STARTTLS"
        }
        #expect(good.verdict == .up, "\(good.text)")
        let stranger = try await result { _ in }
        #expect(!stranger.isUp, "the server refuses who has none")
        let lacking = try await result {
            $0.tls.certificateFile = client.certificate
            $0.tls.keyFile = client.key
            $0.expect = "AUTH LOGIN"
        }
        #expect(lacking.reason == .statusCode)
        await server.stop()
    }

    @Test
    func `a mail server is greeted, and one that is busy is told`() async throws {
        let receiver = try SMTPReceiver()
        func result(_ change: (inout SMTPCheckConfiguration) -> Void = { _ in }) async throws -> CheckResult {
            var configuration = SMTPCheckConfiguration(address: "127.0.0.1:\(receiver.port)")
            change(&configuration)
            return await (try ProbeCheck<TCPProbe>(name: "mail", smtp: configuration, in: fixture.environment))
                .check(deadline: .milliseconds(500))
        }
        #expect(try await result { $0.expect = "AUTH PLAIN" }.verdict == .up)
        // It agrees to everything with 250, which is not the 220 of STARTTLS.
        #expect(try await result { $0.encryption = .startTLS }.reason == .timeout)
        receiver.setReplies(["greeting": "421 too busy"])
        let busy = try await result()
        #expect(busy.reason == .statusCode)
        #expect(busy.text == "refused: 421 too busy")
        receiver.stop()
    }

    private func check(
        _ host: String,
        _ port: UInt16,
        _ certificates: TestCertificates?,
        _ change: (inout TCPCheckConfiguration) -> Void
    ) async throws -> CheckResult {
        var configuration = TCPCheckConfiguration(address: "\(host):\(port)")
        configuration.tls.caFile = certificates?.authority
        change(&configuration)
        let check = try TCPCheck(name: "port", configuration, in: fixture.environment)
        return await check.check(deadline: .seconds(2))
    }

    /// PostgreSQL wants its key for itself alone.
    private func own(_ path: String, by user: String) async throws {
        _ = try await ChildProcess.run("chown", [user, path])
        _ = try await ChildProcess.run("chmod", ["600", path])
    }

    @Test
    func `names of certificates are written as blackbox_exporter writes them`() {
        #expect(CertificateText.name("CN = web") == "CN=web")
        #expect(CertificateText.name("C = DE, O = \"Acme, Inc\", CN = web") == #"CN=web,O=Acme\, Inc,C=DE"#)
        #expect(CertificateText.name("") == "")
        #expect(
            CertificateText.hostNames("DNS:a.example, IP Address:10.0.0.1, DNS:*.b.example") == "a.example,*.b.example"
        )
        #expect(CertificateText.hostNames("") == "")
    }
}
