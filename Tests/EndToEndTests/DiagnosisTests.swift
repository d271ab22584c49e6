// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `sidecar probe` and `sidecar doctor`: what a person asks before and during the night.
@Suite(.timeLimit(.minutes(2)))
struct DiagnosisTests {
    @Test func `a check is tried once, with everything it did on the way`() async throws {
        let server = try HTTPReceiver { request in
            request.target.hasPrefix("/ill")
                ? HTTPAnswer(503, "no database\nsecond line\n", headers: [("X-Instance", "b7")])
                : HTTPAnswer(200, "fine")
        }
        let redis = try await RedisServer(["--requirepass", "r1ght-S3CRET"])
        let postgres = try await PostgresServer()
        let directory = try TemporaryDirectory("probe")
        let path = try directory.write(
            """
            health_checks:
              - { name: good, http: { url: "\(server.url)/" } }
              - { name: ill, http: { url: "http://u:p-S3CRET@127.0.0.1:\(server.port)/ill?token=t-S3CRET" } }
              - { name: cache, redis: { url: "redis://:r1ght-S3CRET@127.0.0.1:\(redis.port)" } }
              - { name: locked, redis: { url: "redis://:wr0ng-S3CRET@127.0.0.1:\(redis.port)" } }
              - { name: database, postgres: { dsn: "\(postgres.url)" } }
              - { name: port, tcp: { address: "127.0.0.1:\(redis.port)", query_response: [ { send: "PING\\r\\n" }, { expect: "NOAUTH" } ] } }
              - { name: rule, expression: { expr: "up == 0" } }
            """,
            to: "sidecar.yml"
        )
        func probe(_ words: String...) async throws -> (exit: ChildProcess.Exit, output: String, error: String) {
            try await ChildProcess.run(Programs.sidecar, ["probe", "--config", path] + words)
        }
        let good = try await probe("good")
        #expect(good.exit == .code(0) && good.output.hasPrefix("good: up ("), "\(good)")

        let ill = try await probe("ill", "--debug")
        #expect(ill.exit == .code(1))
        for expected in [
            "ill: http http://127.0.0.1:\(server.port)", "GET http://127.0.0.1:\(server.port)/ill?…", "phases: resolve",
            "answer: status 503, 24 bytes", "  X-Instance: b7", "  | no database", "  | second line",
            "ill: down, status_code: ", "\nprobe_success 0\n", "\nprobe_http_status_code 503\n",
        ] {
            #expect(ill.output.contains(expected), "\(expected) in \(ill.output)")
        }
        #expect(!ill.output.contains("S3CRET") && !ill.error.contains("S3CRET"))

        let cache = try await probe("cache", "--debug")
        #expect(cache.exit == .code(0) && cache.output.contains("logged in") && cache.output.contains("PING: PONG"))
        #expect(cache.output.contains("\nredis_up 1\n"))
        let locked = try await probe("locked", "--debug")
        #expect(locked.exit == .code(1) && locked.output.contains("locked: down, auth"))
        #expect(!(cache.output + locked.output).contains("S3CRET"))
        let database = try await probe("database", "--debug")
        #expect(database.output.contains("asked whether it is well: answered after"), "\(database)")
        #expect(database.output.contains("statistics: ") && database.output.contains("\npg_up 1\n"))
        let port = try await probe("port", "--debug")
        #expect(port.output.contains("heard: -NOAUTH"), "\(port)")

        let json = try await probe("ill", "--json")
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect(object?["verdict"] as? String == "down" && object?["reason"] as? String == "status_code")
        #expect((object?["steps"] as? [[String: Any]])?.count ?? 0 > 3)
        #expect(try await probe("rule").exit == .code(3))
        let unknown = try await probe("nobody")
        #expect(unknown.exit == .code(2) && unknown.error.contains("cache, database, good"), "\(unknown)")
        await redis.stop()
        #expect(try await probe("cache").output.contains("down, connect_refused"))
        await postgres.stop()
    }

    @Test func `the doctor finds everything well, and wakes nobody`() async throws {
        let server = try HTTPReceiver { _ in HTTPAnswer(200, "up 1\n") }
        let hook = try HTTPReceiver { _ in HTTPAnswer(405, "") }
        let mail = try SMTPReceiver()
        let directory = try TemporaryDirectory("doctor")
        let path = try directory.write(configuration(server.port, hook.port, mail.port), to: "sidecar.yml")
        let port = try freePort()
        let words = ["doctor", "--config", path, "--listen", "127.0.0.1:\(port)", "--data-dir", directory.path("data")]
        let well = try await ChildProcess.run(Programs.sidecar, words)
        #expect(well.exit == .code(0), "\(well)")
        for expected in [
            "[ok]   configuration: ", "[ok]   storage: ", "does not exist yet, and can be made",
            "[ok]   ports: web.listen 127.0.0.1:\(port): free", "[ok]   descriptors: ",
            "[ok]   targets: app 127.0.0.1:\(server.port): answers with status 200",
            "[ok]   checks: page (http http://127.0.0.1:\(server.port)", "[ok]   checks: rule: not tried",
            "[ok]   receivers: oncall/webhook[0]: answers with status 405",
            "[ok]   receivers: oncall/email[0]: accepts connections", " clock: wall clock: ", " journal: journald: ",
            ", 0 failures\n",
        ] {
            #expect(well.output.contains(expected), "\(expected) in \(well.output)")
        }
        #expect(hook.requests.map(\.method) == ["OPTIONS"])
        #expect(!well.output.contains("S3CRET"))
        #expect(!FileManager.default.fileExists(atPath: directory.path("data")), "nothing is changed")

        let sidecar = try ChildProcess(
            Programs.sidecar,
            ["run", "--config", path, "--listen", "127.0.0.1:\(port)", "--data-dir", directory.path("data")]
        )
        try await waitUntilReady("http://127.0.0.1:\(port)/-/ready", sidecar)
        let beside = try await ChildProcess.run(Programs.sidecar, words)
        #expect(beside.exit == .code(0) && beside.output.contains("in use, by the sidecar that runs"), "\(beside)")
        await sidecar.stop()
    }

    @Test func `the doctor names everything that fails`() async throws {
        let late = HTTPAnswer(200, "up 1\n", headers: [("Date", "Sun, 06 Nov 1994 08:49:37 GMT")])
        let server = try HTTPReceiver { _ in late }
        let directory = try TemporaryDirectory("doctor")
        let (nobody, silent) = (try freePort(), try freePort())
        let text =
            configuration(nobody, silent, silent)
            + "\n" + "  - { job_name: late, static_configs: [ { targets: [ \"127.0.0.1:\(server.port)\" ] } ] }\n"
        let path = try directory.write(text, to: "sidecar.yml")
        let data = try directory.write("a file", to: "data")
        let result = try await ChildProcess.run(
            Programs.sidecar,
            ["doctor", "--config", path, "--listen", "127.0.0.1:\(server.port)", "--data-dir", data, "--json"]
        )
        #expect(result.exit == .code(1), "\(result)")
        let findings = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: String]] ?? []
        func failures(_ outcome: String = "failure") -> [String] {
            findings.filter { $0["outcome"] == outcome }.map { "\($0["area"] ?? "") \($0["text"] ?? "")" }
        }
        for expected in [
            "storage is no directory", "ports port \(server.port): Address already in use", "targets connect_refused",
            "checks connect_refused", "receivers connect_refused",
        ] {
            #expect(failures().contains { $0.hasPrefix(expected) }, "\(expected) in \(failures())")
        }
        #expect(failures("warning").contains { $0.hasPrefix("clock its clock is") && $0.hasSuffix("behind ours") })
        let bad = try directory.write("health_checks: [ { name: x, http: { urll: y } } ]\n", to: "bad.yml")
        let broken = try await ChildProcess.run(Programs.sidecar, ["doctor", "--config", bad])
        #expect(broken.exit == .code(1) && broken.output.contains("[FAIL] configuration: "), "\(broken)")
    }

    private func configuration(_ application: UInt16, _ hook: UInt16, _ mail: UInt16) -> String {
        """
        health_checks:
          - { name: page, http: { url: "http://127.0.0.1:\(application)/" } }
          - { name: rule, expression: { expr: "up == 0" } }
        route: { receiver: oncall }
        receivers:
          - name: oncall
            webhook_configs: [ { url: "http://127.0.0.1:\(hook)/hook-S3CRET" } ]
            email_configs: [ { to: "a@b.test", from: "c@d.test", smarthost: "127.0.0.1:\(mail)", require_tls: false } ]
        scrape_configs:
          - { job_name: app, static_configs: [ { targets: [ "127.0.0.1:\(application)" ] } ] }
        """
    }
}
