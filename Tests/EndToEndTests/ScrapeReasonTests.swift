// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Every reason for a failed scrape, made by a real peer, with its metric, its line in the log and its record in the API.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct ScrapeReasonTests {
    private struct Case {
        var reason: String
        var address: String
        var keys = ""
    }

    private static let type = (name: "Content-Type", value: "text/plain; version=0.0.4")

    /// One peer with a fault for each path.
    private static func answer(_ path: String) -> HTTPAnswer {
        func page(_ text: String) -> HTTPAnswer { HTTPAnswer(200, text, headers: [type]) }
        switch path {
        case "/connect_reset", "/connection_closed":
            var answer = HTTPAnswer(200, ending: path == "/connect_reset" ? .reset : .closeSilently)
            answer.raw = Array("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\na 1\n".utf8)
            return answer
        case "/http_status": return HTTPAnswer(500, "broken")
        case "/auth": return HTTPAnswer(401)
        case "/timeout_first_byte": return HTTPAnswer(200, headers: [type], delay: .seconds(3))
        case "/timeout_body":
            var answer = page("a 1\n")
            answer.bodyDelay = .seconds(3)
            return answer
        case "/body_too_large": return page(String(repeating: "# comment\n", count: 200))
        case "/headers_too_large":
            return HTTPAnswer(200, "a 1\n", headers: [type] + (0..<300).map { ("X-\($0)", "1") })
        case "/content_encoding": return HTTPAnswer(200, "no gzip", headers: [type, ("Content-Encoding", "gzip")])
        case "/content_type": return HTTPAnswer(200, "<p>", headers: [("Content-Type", "text/html")])
        case "/too_many_redirects": return HTTPAnswer(302, headers: [("Location", "/too_many_redirects")])
        case "/parse": return page("a{ 1\n")
        case "/limit_samples": return page("a 1\nb 1\n")
        case "/limit_labels": return page("a{b=\"1\",c=\"2\",d=\"3\"} 1\n")
        case "/limit_label_name_length": return page("a{aaaaaaaaaaaaaaaaaaaaa=\"1\"} 1\n")
        case "/limit_label_value_length": return page("a{b=\"\(String(repeating: "x", count: 50))\"} 1\n")
        default: return HTTPAnswer(404)
        }
    }

    @Test func `each reason has its metric, its line in the log, and its record with what came of the body`()
        async throws
    {
        let receiver = try HTTPReceiver { Self.answer($0.target) }
        let full = try FullListener()
        let silent = try TCPServer { $0.waitForEnd() }
        let garbage = try TCPServer { connection in
            _ = connection.readLine()
            connection.send("220 mail.example ESMTP\r\n")
        }
        let plain = try TCPServer { connection in
            connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.waitForEnd()
        }
        let certificates = try await TestCertificates()
        let good = try await certificates.make("good", names: "DNS:metrics.example,IP:127.0.0.1")
        let expired = try await certificates.make("expired", names: "IP:127.0.0.1", days: 0)
        let (tls, old) = (try freePort(), try freePort())
        let nginx = try await NginxServer(
            """
            server { listen 127.0.0.1:\(tls) ssl; ssl_certificate \(good.certificate); ssl_certificate_key \(good.key); }
            server { listen 127.0.0.1:\(old) ssl; ssl_certificate \(expired.certificate); ssl_certificate_key \(expired.key); }
            """,
            port: tls
        )
        let here = "127.0.0.1:\(receiver.port)"
        var cases = [
            "connect_reset", "connection_closed", "http_status", "auth", "timeout_first_byte", "timeout_body",
            "headers_too_large", "content_encoding", "content_type", "too_many_redirects", "parse",
        ].map { Case(reason: $0, address: here) }
        for (reason, key) in [
            ("body_too_large", "body_size_limit: 1KB"), ("limit_samples", "sample_limit: 1"),
            ("limit_labels", "label_limit: 5"), ("limit_label_name_length", "label_name_length_limit: 20"),
            ("limit_label_value_length", "label_value_length_limit: 40"),
        ] { cases.append(Case(reason: reason, address: here, keys: ", \(key)")) }
        let https = ", scheme: https, tls_config: "
        let trusting = "{ ca_file: \"\(certificates.authority)\" }"
        cases += [
            Case(reason: "dns", address: "no-such-host.invalid:80"),
            Case(reason: "connect_refused", address: "127.0.0.1:\(try freePort())"),
            Case(reason: "connect_timeout", address: "127.0.0.1:\(full.port)"),
            Case(reason: "connect_unreachable", address: "255.255.255.255:9"),
            Case(reason: "protocol", address: "127.0.0.1:\(garbage.port)"),
            Case(reason: "tls_handshake", address: "127.0.0.1:\(plain.port)", keys: https + trusting),
            Case(reason: "tls_timeout", address: "127.0.0.1:\(silent.port)", keys: https + trusting),
            Case(reason: "tls_untrusted", address: "127.0.0.1:\(tls)", keys: https + "{}"),
            Case(reason: "tls_expired", address: "127.0.0.1:\(old)", keys: https + trusting),
            Case(
                reason: "tls_hostname",
                address: "127.0.0.1:\(tls)",
                keys: https + "{ ca_file: \"\(certificates.authority)\", server_name: other.example }"
            ),
            Case(
                reason: "tls_configuration",
                address: "127.0.0.1:\(tls)",
                keys: https + "{ ca_file: /nonexistent/ca.pem }"
            ),
        ]
        let jobs = cases.map { one in
            "  - { job_name: \(one.reason), metrics_path: /\(one.reason), static_configs: [ { targets: [ \"\(one.address)\" ] } ]\(one.keys) }"
        }
        let sidecar = try await RunningSidecar(
            configuration: "global: { scrape_interval: 1s, scrape_timeout: 800ms }\nscrape_configs:\n"
                + jobs.joined(separator: "\n") + "\n"
        )
        let count = Double(cases.count)
        _ = try await waitUntil(deadline: .seconds(15)) {
            try await sidecar.query("count(sidecar_scrape_failures_total)").first?.value ?? 0 >= count
        }
        try await check(cases, sidecar)
        #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0))
        await nginx.process.stop(SIGKILL)
    }

    private func check(_ cases: [Case], _ sidecar: RunningSidecar) async throws {
        let metrics = try await HTTPGet(sidecar.url + "/metrics").text.split(separator: "\n")
        let log = (sidecar.process.output + sidecar.process.errorOutput).split(separator: "\n")
        let body = try await HTTPGet(sidecar.url + "/api/sidecar/targets").body
        let targets = try JSONSerialization.jsonObject(with: body) as? [[String: Any]] ?? []
        for one in cases {
            let failures = metrics.filter {
                $0.hasPrefix("sidecar_scrape_failures_total{") && $0.contains("scrape_job=\"\(one.reason)\"")
            }
            #expect(failures.contains { $0.contains("reason=\"\(one.reason)\"") }, "\(one.reason): \(failures)")
            let lines = log.filter { $0.contains("scrape.failed") && $0.contains("scrape_job=\(one.reason) ") }
            let shown = lines.isEmpty ? log.filter { $0.contains(one.reason) } : lines
            #expect(
                shown.contains { $0.contains("scrape.failed") && $0.contains(one.reason) },
                "\(one.reason): \(shown)"
            )
            #expect(lines.count <= 2, "one line for a target that goes on failing: \(lines)")
            let target = targets.first { $0["job"] as? String == one.reason }
            let record = (target?["recentFailures"] as? [[String: Any]])?.last
            #expect(record?["reason"] as? String == one.reason, "\(one.reason): \(record ?? [:])")
            #expect(record?["durationSeconds"] as? Double ?? 99 < 1.5, "\(one.reason) ends at its timeout")
        }
        let parse = targets.first { $0["job"] as? String == "parse" }
        let record = (parse?["recentFailures"] as? [[String: Any]])?.last
        #expect(record?["body"] as? String == "a{ 1\n" && record?["status"] as? Int == 200)
        #expect(record?["processingSeconds"] is Double && record?["transferSeconds"] is Double)
    }
}
