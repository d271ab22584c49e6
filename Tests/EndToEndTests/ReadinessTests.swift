// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What the sidecar answers for an application that has no endpoints of its own, and how it leaves.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ReadinessTests {
    /// An application that only has metrics.
    private static func application(_ value: Int = 0) -> HTTPAnswer {
        HTTPAnswer(
            200,
            "# TYPE broken gauge\nbroken \(value)\n",
            headers: [("Content-Type", "text/plain; version=0.0.4")]
        )
    }

    private func reason(_ sidecar: RunningSidecar, _ path: String = "/readyz") async throws -> String {
        let answer = try await HTTPGet(sidecar.url + path)
        return "\(answer.status) \(answer.headers["x-health-reason"] ?? "-")"
    }

    @Test func `readiness combines application, dependencies and alerts by policy`() async throws {
        let application = try HTTPReceiver { _ in Self.application() }
        let redis = try await RedisServer()
        let directory = try TemporaryDirectory("readiness")
        _ = try directory.write(
            """
            groups:
              - name: app
                rules:
                  - { alert: Broken, expr: broken > 0, labels: { severity: page } }
                  - { alert: Odd, expr: broken > 1, labels: { severity: ticket } }
            """,
            to: "rules.yml"
        )
        let sidecar = try await RunningSidecar(
            configuration: """
                global: { scrape_interval: 200ms, evaluation_interval: 200ms }
                scrape_configs: [ { job_name: app, static_configs: [ { targets: [ "127.0.0.1:\(application.port)" ] } ] } ]
                health_checks:
                  - { name: cache, redis: { url: "\(redis.url)" }, interval: 200ms, policy: advisory }
                probes:
                  targets: [ { job: app, fall: 2, rise: 2, depends_on: [ cache ] } ]
                  alerts:
                    - { name: paging, matchers: [ 'severity="page"' ] }
                    - { name: tickets, matchers: [ 'severity="ticket"' ], policy: advisory }
                rule_files: [ rules.yml ]
                web: { drain_delay: 0s }
                """,
            directory: directory
        )
        #expect(await waitUntil { await statusCode(sidecar.url + "/readyz") == 200 })
        let verbose = try await HTTPGet(sidecar.url + "/readyz?verbose").text
        #expect(
            verbose
                == "[+]ping ok\n[+]shutdown ok\n[+]app ok\n[+]cache ok\n[+]paging ok\n[+]tickets ok\nreadyz check passed\n"
        )

        // an advisory dependency degrades, and explains the failure of the application
        await redis.stop()
        #expect(
            try await waitUntil {
                try await HTTPGet(sidecar.url + "/readyz?verbose").text.contains(
                    "[+]cache ok, advisory: connect_refused"
                )
            }
        )
        #expect(try await reason(sidecar) == "200 -")
        #expect(try await HTTPGet(sidecar.url + "/health").text.contains("\"status\":\"degraded\""))
        application.stop()
        #expect(try await waitUntil { try await reason(sidecar) == "503 scrape" })
        let failed = try await HTTPGet(sidecar.url + "/readyz").text
        #expect(failed.hasPrefix("scrape: app\n") && failed.contains("[-]app failed: scrape, because of cache\n"))
        #expect(try await HTTPGet(sidecar.url + "/readyz?exclude=app").status == 200)
        #expect(try await reason(sidecar, "/readyz/app") == "503 scrape")
        #expect(try await reason(sidecar, "/readyz/cache") == "503 connect_refused")
        #expect(await statusCode(sidecar.url + "/livez") == 200)
        try application.start()
        #expect(try await waitUntil { try await reason(sidecar) == "200 -" })

        // a firing alert that gates readiness, and one that does not
        application.answer { _ in Self.application(1) }
        #expect(try await waitUntil { try await reason(sidecar) == "503 alert" })
        application.answer { _ in Self.application(2) }
        #expect(
            try await waitUntil {
                try await HTTPGet(sidecar.url + "/readyz").text.contains("[+]tickets ok, advisory: alert")
            }
        )
        application.answer { _ in Self.application() }
        #expect(try await waitUntil { try await reason(sidecar) == "200 -" })
        let series = try await sidecar.query(#"health_check_up{job=~"scrape|alert"}"#)
        #expect(Set(series.compactMap { $0.labels["check"] }) == ["app", "paging", "tickets"])
        #expect(sidecar.process.errorOutput.contains("readiness.condition_changed"))
        #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0))
    }

    @Test func `texts are shown where they are allowed`() async throws {
        let port = try freePort()
        let configuration = """
            health_checks: [ { name: port, tcp: { address: "127.0.0.1:\(port)" }, interval: 200ms } ]
            web: { admin_listen: "unix:SOCKET", drain_delay: 0s }
            """
        for (details, isPublic) in [("never", false), ("always", true)] {
            let directory = try TemporaryDirectory("details")
            let socket = directory.path("admin.sock")
            let sidecar = try await RunningSidecar(
                configuration: configuration.replacingOccurrences(of: "SOCKET", with: socket)
                    + "\nprobes: { details: \(details), modules: { m: { http: {} } }, allowed_targets: [ \"127.0.0.1:\(port)\" ] }\n",
                directory: directory
            )
            #expect(try await waitUntil { try await reason(sidecar) == "503 connect_refused" })
            let debug = "/probe?module=m&target=127.0.0.1:\(port)&debug=true"
            for (path, detail) in [
                ("/readyz?verbose", "(refused)"), ("/health", "127.0.0.1:\(port)"), (debug, "phases: resolve"),
            ] {
                let shown = try await HTTPGet(sidecar.url + path).text
                #expect(shown.contains("connect_refused") && shown.contains(detail) == isPublic, "\(shown)")
                let local = try await ChildProcess.run("curl", ["-s", "--unix-socket", socket, "http://x\(path)"])
                #expect(local.output.contains(detail), "\(local.output)")
            }
            #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0))
        }
    }

    @Test func `a drain by hand fails readiness at once, serves for the delay, then stops`() async throws {
        let sidecar = try await RunningSidecar(configuration: "web: { drain_delay: 1500ms }\n")
        let kept = try await HTTPGet(sidecar.url + "/-/drain?stop=false", method: "POST")
        #expect(kept.status == 200 && kept.text == "draining\n")
        #expect(try await reason(sidecar) == "503 draining")
        #expect(try await HTTPGet(sidecar.url + "/-/drain", method: "DELETE").status == 200)
        #expect(try await reason(sidecar) == "200 -")
        #expect(try await HTTPGet(sidecar.url + "/-/drain", method: "DELETE").status == 409)

        let began = ContinuousClock.now
        #expect(try await HTTPGet(sidecar.url + "/-/drain", method: "POST").text == "draining, then stopping\n")
        #expect(try await reason(sidecar) == "503 draining")
        #expect(try await HTTPGet(sidecar.url + "/-/drain", method: "DELETE").status == 409)
        #expect(await sidecar.process.wait(deadline: .seconds(20)) == .code(0))
        let took = ContinuousClock.now - began
        #expect(took >= .milliseconds(1_500) && took < .seconds(8), "\(took)")
        #expect(sidecar.process.errorOutput.contains("draining"))
    }

    @Test func `SIGTERM waits only when somebody probes, and a second one ends the wait`() async throws {
        let unwatched = try await RunningSidecar()
        let began = ContinuousClock.now
        unwatched.process.send(SIGTERM)
        #expect(await unwatched.process.wait(deadline: .seconds(20)) == .code(0))
        #expect(ContinuousClock.now - began < .seconds(4))

        let probed = try await RunningSidecar()
        #expect(try await reason(probed, "/readyz?verbose") == "200 -")
        probed.process.send(SIGTERM)
        #expect(try await waitUntil { try await reason(probed) == "503 draining" })
        #expect(await statusCode(probed.url + "/api/v1/query?query=1") == 200)
        let second = ContinuousClock.now
        probed.process.send(SIGTERM)
        #expect(await probed.process.wait(deadline: .seconds(20)) == .code(0))
        #expect(ContinuousClock.now - second < .seconds(4))
    }

    @Test func `HAProxy's agent is told readiness, and a weight by the load`() async throws {
        let application = try HTTPReceiver { _ in Self.application() }
        let port = try freePort()
        let sidecar = try await RunningSidecar(
            configuration: """
                global: { scrape_interval: 200ms }
                scrape_configs: [ { job_name: app, static_configs: [ { targets: [ "127.0.0.1:\(application.port)" ] } ] } ]
                probes: { load: "max(broken) / 4", targets: [ { job: app, fall: 1, rise: 1 } ] }
                web: { haproxy_agent_listen: "127.0.0.1:\(port)", drain_delay: 1s }
                """
        )
        func agent() async -> String { (try? await RawConnection(port: Int(port)).read()) ?? "" }
        #expect(await waitUntil { await agent() == "up ready 100%\n" })
        for (value, weight) in [(3, "55%"), (4, "10%"), (1, "100%")] {
            application.answer { _ in Self.application(value) }
            let isTold = await waitUntil { await agent() == "up ready \(weight)\n" }
            let reply = await agent()
            #expect(isTold, "\(value): \(reply)")
        }
        application.stop()
        #expect(await waitUntil { await agent() == "down ready #scrape\n" })
        try application.start()
        #expect(await waitUntil { await agent() == "up ready 100%\n" })
        sidecar.process.send(SIGTERM)
        #expect(await waitUntil { await agent() == "up drain\n" })
        #expect(await sidecar.process.wait(deadline: .seconds(20)) == .code(0))
    }

    @Test func `a target named by the request is probed, if it may be`() async throws {
        let web = try HTTPReceiver { _ in HTTPAnswer(200, "hello") }
        let elsewhere = try HTTPReceiver { _ in HTTPAnswer(302, "", headers: [("Location", web.url)]) }
        let closed = try freePort()
        let sidecar = try await RunningSidecar(
            configuration: """
                probes:
                  allowed_targets: [ "127.0.0.1:\(web.port)", "127.0.0.1:\(elsewhere.port)", "127.0.0.1:\(closed)", "*.invalid:*" ]
                  modules: { web: { http: { body_matches: [ "hell" ] } }, port: { tcp: {}, timeout: 1s } }
                web: { drain_delay: 0s }
                """
        )
        func probe(_ module: String, _ target: String, _ more: String = "") async throws -> (status: Int, text: String)
        {
            let answer = try await HTTPGet("\(sidecar.url)/probe?module=\(module)&target=\(target)\(more)")
            return (answer.status, answer.text)
        }
        let good = try await probe("web", web.url)
        #expect(good.status == 200 && good.text.contains("\nprobe_success 1\n"))
        #expect(good.text.contains("\nprobe_http_status_code 200\n"))
        #expect(try await probe("port", "127.0.0.1:\(web.port)").text.contains("\nprobe_success 1\n"))
        let refused = try await probe("port", "127.0.0.1:\(closed)", "&debug=true")
        #expect(refused.status == 200 && refused.text.contains("\nprobe_success 0\n"))
        #expect(refused.text.hasPrefix("verdict: down\nreason: connect_refused\n"), "\(refused.text)")
        #expect(try await probe("web", "http://nobody.invalid/", "&debug=true").text.contains("reason: dns\n"))
        let redirected = web.requests.count
        #expect(try await probe("web", elsewhere.url).text.contains("\nprobe_success 0\n"))
        #expect(web.requests.count == redirected)
        for target in ["127.0.0.1:1", "http://127.0.0.2:\(web.port)/", "http://invalid/", "http://a.invalid.org/"] {
            #expect(try await probe("web", target).status == 403, "\(target)")
        }
        for target in ["", "http://127.0.0.1:\(web.port)@x/", "http:///", "127.0.0.1:0", "127.0.0.1:x"] {
            #expect(try await probe("web", target).status == 400, "\(target)")
        }
        #expect(try await probe("port", web.url).status == 400)
        #expect(try await probe("nobody", web.url).status == 400)
    }

    @Test func `curl asks as balancers and kubelets do`() async throws {
        let sidecar = try await RunningSidecar(configuration: "web: { drain_delay: 0s }\n")
        func curl(_ arguments: String...) async throws -> String {
            let all = ["--silent", "--include", "--max-time", "5"] + arguments
            return try await ChildProcess.run("curl", all).output.lowercased()
        }
        // HAProxy's default check, AWS's, a kubelet's
        let plain = ["--http1.0", "--header", "Host:"]
        for arguments in [
            plain + ["--request", "OPTIONS", "\(sidecar.url)/"], plain + ["\(sidecar.url)/readyz"],
            ["--user-agent", "ELB-HealthChecker/2.0", "\(sidecar.url)/readyz"],
            ["--user-agent", "kube-probe/1.33", "\(sidecar.url)/livez"], ["--head", "\(sidecar.url)/startupz"],
            ["--head", "\(sidecar.url)/health"],
        ] {
            let all = ["--silent", "--include", "--max-time", "5"] + arguments
            let answer = try await ChildProcess.run("curl", all).output.lowercased()
            #expect(answer.hasPrefix("http/1.1 200 ok\r\n") || answer.hasPrefix("http/1.0 200 ok\r\n"), "\(arguments)")
            #expect(answer.contains("\r\ncache-control: no-store\r\n"), "\(arguments)")
        }
        let line = try await curl("\(sidecar.url)/livez?verbose")
        #expect(
            line.hasSuffix(
                "\r\n\r\n[+]ping ok\n[+]event-loops ok\n[+]io ok\n[+]rules ok\n[+]notifications ok\nlivez check passed\n"
            )
        )
        let excluded = try await curl("\(sidecar.url)/readyz?verbose&exclude=shutdown&exclude=nobody")
        #expect(excluded.contains("[+]shutdown excluded: ok\n"))
        #expect(excluded.contains("warn: some health checks cannot be excluded: no matches for \"nobody\"\n"))
        #expect(try await curl("\(sidecar.url)/readyz/nobody").hasPrefix("http/1.1 404"))
        #expect(try await curl("--request", "POST", "\(sidecar.url)/readyz").hasPrefix("http/1.1 405"))
        let draft = try await curl("--header", "Accept: application/health+json", "\(sidecar.url)/readyz")
        #expect(draft.contains("content-type: application/health+json\r\n") && draft.contains("\"status\":\"pass\""))
        let document = try await JSONAnswer(sidecar.url + "/health")
        #expect(
            document["status"] as? String == "healthy" && document["uptime"] is Int && document["version"] is String
        )
        #expect((document["memory"] as? [String: Any])?["residentBytes"] is Int && document["checks"] is [String: Any])
        #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0))
    }
}
