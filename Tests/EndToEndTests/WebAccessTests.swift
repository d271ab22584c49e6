// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// TLS and users from Prometheus's web configuration file, asked with curl.
@Suite(.timeLimit(.minutes(2)))
struct WebAccessTests {
    /// A certificate authority in a folder, and what it signs.
    private struct Authority {
        let directory: TemporaryDirectory

        init() async throws {
            directory = try TemporaryDirectory("authority")
            try await openssl(
                ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2"]
                    + ["-subj", "/CN=Test authority"]
            )
        }

        func issue(_ name: String, serial: Int) async throws {
            try await openssl(
                ["req", "-newkey", "rsa:2048", "-nodes", "-keyout", "\(name).key", "-out", "\(name).csr"]
                    + ["-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1"]
            )
            try await openssl(
                ["x509", "-req", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2"]
                    + ["-set_serial", "\(serial)", "-copy_extensions", "copy", "-out", "\(name).new"]
            )
            try? FileManager.default.removeItem(atPath: directory.path("\(name).pem"))
            try FileManager.default.moveItem(
                atPath: directory.path("\(name).new"),
                toPath: directory.path("\(name).pem")
            )
        }

        private func openssl(_ words: [String]) async throws {
            let command = "cd '\(directory.path)' && exec openssl \"$@\""
            let result = try await ChildProcess.run("sh", ["-c", command, "sh"] + words)
            try #require(result.exit == .code(0), "\(result.error)")
        }
    }

    /// The status that curl saw; 0 when there was no answer.
    private func ask(_ url: String, _ words: [String]) async throws -> Int {
        let arguments = ["--silent", "--max-time", "5", "--output", "/dev/null", "--write-out", "%{http_code}"]
        return Int(try await ChildProcess.run("curl", arguments + words + [url]).output) ?? 0
    }

    private func hash(_ password: String) async throws -> String {
        let program =
            "import crypt,sys; print(crypt.crypt(sys.argv[1], crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))"
        let result = try await ChildProcess.run("/usr/bin/python3", ["-W", "ignore", "-c", program, password])
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// A sidecar that waits for the given status of a first request instead of a plain 200.
    private func start(web: String, in directory: TemporaryDirectory, ready: (String) async throws -> Bool)
        async throws -> (process: ChildProcess, url: String)
    {
        _ = try directory.write(web, to: "web.yml")
        let configuration = try directory.write("web: { config_file: web.yml }\n", to: "sidecar.yml")
        let port = try freePort()
        let process = try ChildProcess(
            Programs.sidecar,
            ["run", "--config", configuration, "--listen", "127.0.0.1:\(port)", "--data-dir", directory.path("data")]
        )
        let url = "https://127.0.0.1:\(port)"
        let isReady = try await waitUntil { try await ready(url) }
        try #require(isReady, "\(process.errorOutput)")
        return (process, url)
    }

    @Test func `users and TLS as in Prometheus's web file; plain probes need no password`() async throws {
        let authority = try await Authority()
        try await authority.issue("server", serial: 11)
        let trust = ["--cacert", authority.directory.path("ca.pem")]
        let web = """
            tls_server_config: { cert_file: server.pem, key_file: server.key, min_version: TLS12 }
            basic_auth_users: { ada: "\(try await hash("right"))" }

            """
        let (process, url) = try await start(web: web, in: authority.directory) { url in
            try await ask(url + "/-/ready", trust + ["--user", "ada:right"]) == 200
        }
        #expect(try await ask(url + "/metrics", trust) == 401)
        // Light queries are answered before HTTP is parsed, but to nobody unknown.
        #expect(try await ask(url + "/api/v1/query?query=1", trust) == 401)
        #expect(try await ask(url + "/metrics", trust + ["--user", "ada:wrong"]) == 401)
        #expect(try await ask(url + "/metrics", trust + ["--user", "eve:right"]) == 401)
        #expect(try await ask(url + "/metrics", trust + ["--user", "ada:right"]) == 200)
        #expect(try await ask(url + "/livez", trust) == 200)
        #expect(try await ask(url + "/readyz", trust) == 200)
        #expect(try await ask(url + "/readyz?verbose", trust) == 401)
        #expect(try await ask(url + "/livez", []) == 0, "an unknown authority is refused by curl")
        #expect(try await ask(url.replacingOccurrences(of: "https", with: "http") + "/livez", []) == 0)
        #expect(try await ask(url + "/livez", trust + ["--tls-max", "1.1"]) == 0)
        // Known users may change things from anywhere; a web page may not.
        let reload = trust + ["--user", "ada:right", "--request", "POST", "--header", "Host: sidecar.example"]
        #expect(try await ask(url + "/-/reload", reload) == 200)
        #expect(try await ask(url + "/-/reload", reload + ["--header", "Origin: https://sidecar.example"]) == 403)

        // A renewed certificate and a new user count without a restart; a broken file changes nothing.
        try await authority.issue("server", serial: 12)
        let renewed = try await waitUntil {
            _ = try await ask(url + "/livez", trust)
            let seen = try await ChildProcess.run(
                "sh",
                [
                    "-c",
                    "openssl s_client -connect \(url.dropFirst(8)) </dev/null 2>/dev/null | openssl x509 -noout -serial",
                ]
            )
            return seen.output.contains("serial=0C")
        }
        #expect(renewed)
        _ = try authority.directory.write(web + "  eve: \"\(try await hash("other"))\"\n", to: "web.yml")
        _ = try authority.directory.write(
            web.replacingOccurrences(of: "basic_auth_users: {", with: "basic_auth_users: { eve: \"nonsense\","),
            to: "web.yml"
        )
        let refused = try await waitUntil {
            _ = try await ask(url + "/livez", trust)
            return process.errorOutput.contains("web.access_reload_failed")
        }
        #expect(refused)
        #expect(try await ask(url + "/metrics", trust + ["--user", "ada:right"]) == 200)
        let text = try await ChildProcess.run("curl", ["--silent", "--user", "ada:right"] + trust + [url + "/metrics"])
        #expect(text.output.contains("sidecar_web_reload_failures_total 1"))
        #expect(!process.errorOutput.contains("nonsense") && !process.errorOutput.contains("$2b$"))
        #expect(await process.stop(grace: .seconds(20)) == .code(0), "\(process.errorOutput)")
    }

    @Test func `clients can be asked for certificates`() async throws {
        let authority = try await Authority()
        try await authority.issue("server", serial: 1)
        try await authority.issue("client", serial: 2)
        let trust = ["--cacert", authority.directory.path("ca.pem")]
        let identity = [
            "--cert", authority.directory.path("client.pem"), "--key", authority.directory.path("client.key"),
        ]
        let web = """
            tls_server_config:
              cert_file: server.pem
              key_file: server.key
              client_auth_type: RequireAndVerifyClientCert
              client_ca_file: ca.pem

            """
        let (process, url) = try await start(web: web, in: authority.directory) { url in
            try await ask(url + "/-/ready", trust + identity) == 200
        }
        #expect(try await ask(url + "/livez", trust) == 0)
        let stranger = try await Authority()
        try await stranger.issue("client", serial: 3)
        let wrong = ["--cert", stranger.directory.path("client.pem"), "--key", stranger.directory.path("client.key")]
        #expect(try await ask(url + "/livez", trust + wrong) == 0)
        #expect(try await ask(url + "/livez", trust + identity) == 200)
        #expect(await process.stop(grace: .seconds(20)) == .code(0), "\(process.errorOutput)")
    }

    @Test(arguments: [
        ("basic_auth_users: { ada: plain }\n", "web.yml:1:26: basic_auth_users.ada: expected a bcrypt hash"),
        ("tls_server_config: { cert_file: none.pem, key_file: none.key }\n", "web.yml:1:33: "),
        ("tls_server_config: { key_fil: x }\n", "web.yml:1:22: unknown key \"key_fil\""),
    ])
    func `a wrong file is told by line and column, and its secrets are not`(text: String, expected: String) async throws
    {
        let directory = try TemporaryDirectory("web")
        _ = try directory.write(text, to: "web.yml")
        let path = try directory.write("web: { config_file: web.yml }\n", to: "sidecar.yml")
        let result = try await ChildProcess.run(Programs.sidecar, ["check", "config", path])
        #expect(result.exit == .code(1))
        #expect((result.error + result.output).contains(expected), "\(result)")
        #expect(!(result.error + result.output).contains("plain"))
    }
}
