// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Jobs report to a running sidecar, over restarts; expressions and queues of it are checks like others.
@Suite(.timeLimit(.minutes(2)))
struct HeartbeatTests {
    private let configuration = """
        global: { scrape_interval: 1s, evaluation_interval: 1s }
        heartbeats:
          - { name: backup, period: 1h, grace: 10m }
          - { name: report, cron: "0 6 * * 1-5", zone: Europe/Berlin, grace: 30m, key: "s3cret-key" }
        health_checks:
          - { name: rule, expression: { expr: "hc_check_up{name=\\"backup\\"} == 0" }, interval: 200ms }
          - name: mail
            queue: { expressions: { waiting: "heartbeat_signals_total{name=\\"backup\\"}" }, max_waiting: 2 }
            interval: 200ms
        """

    @Test
    func `pings are taken in, shown, and outlive a killed process`() async throws {
        let directory = try TemporaryDirectory("sidecar")
        let first = try await RunningSidecar(configuration: configuration, directory: directory)
        #expect(try await HTTPGet(first.url + "/ping/backup/start").text == "OK")
        let ping = try await HTTPGet(first.url + "/ping/backup", method: "POST", body: "12 files\n")
        #expect(ping.status == 200)
        #expect(ping.headers["ping-body-limit"] == "10000")
        #expect(try await HTTPGet(first.url + "/ping/backup", method: "HEAD").status == 200)
        #expect(try await HTTPGet(first.url + "/ping/nobody").status == 404)
        #expect(try await HTTPGet(first.url + "/ping/report").status == 404)
        #expect(try await HTTPGet(first.url + "/ping/s3cret-key/log", method: "POST", body: "x").status == 200)
        #expect(try await HTTPGet(first.url + "/ping/backup/256").status == 400)
        let large = String(repeating: "x", count: 2 << 20)
        let path = try directory.write(large, to: "large")
        #expect(try await HTTPGet(first.url + "/ping/backup", method: "POST", body: "@" + path).status == 413)
        let shown = try await HTTPGet(first.url + "/api/v1/status/config").text
        #expect(shown.contains("report") && !shown.contains("s3cret-key"))
        #expect(await state("backup", of: first) == "healthy")
        let up = await waitUntil { (try? await first.query("hc_check_up{name=\"backup\"}").first?.value) == 1 }
        #expect(up)

        await first.process.stop(SIGKILL)
        let second = try await RunningSidecar(configuration: configuration, directory: directory)
        #expect(await state("backup", of: second) == "healthy")
        #expect(try await HTTPGet(second.url + "/ping/backup/fail").status == 200)
        #expect(await waitUntil { await state("backup", of: second) == "unhealthy" })
        #expect(await waitUntil { await state("rule", of: second) == "unhealthy" }, "the expression sees it")
        #expect(await waitUntil { await state("mail", of: second) == "unhealthy" }, "more than two signals wait")
        await second.process.stop()
    }

    @Test
    func `what was answered with OK is there after a kill`() async throws {
        let directory = try TemporaryDirectory("sidecar")
        let first = try await RunningSidecar(configuration: configuration, directory: directory)
        let connection = try RawConnection(port: Int(first.port))
        var answered = 0
        for _ in 0..<200 {
            try connection.send("GET /ping/backup HTTP/1.1\r\nHost: x\r\n\r\n")
            guard try await connection.read(until: { $0.hasSuffix("OK") }).hasSuffix("OK") else { break }
            answered += 1
        }
        await first.process.stop(SIGKILL)
        #expect(answered == 200)
        let second = try await RunningSidecar(configuration: configuration, directory: directory)
        let jobs = try JSONSerialization.jsonObject(
            with: try await HTTPGet(second.url + "/api/sidecar/heartbeats").body
        )
        let backup = (jobs as? [[String: Any]])?.first { $0["name"] as? String == "backup" }
        #expect(backup?["signals"] as? Int == answered)
        await second.process.stop()
    }

    @Test(.enabled(if: SmallDisk.isPossible))
    func `what the full disk does not take is not answered with OK`() async throws {
        let directory = try TemporaryDirectory("sidecar")
        let disk = try SmallDisk(bytes: 8 << 20)
        let sidecar = try await RunningSidecar(
            configuration: configuration,
            arguments: ["--data-dir", disk.path + "/data"],
            directory: directory
        )
        #expect(try await HTTPGet(sidecar.url + "/ping/backup").status == 200)
        _ = try await ChildProcess.run("dd", ["if=/dev/zero", "of=\(disk.path)/filler", "bs=4096"])
        // what the file has room for beyond its last page may still be taken
        var last = 0
        let isRefused = await waitUntil(deadline: .seconds(10)) {
            last = (try? await HTTPGet(sidecar.url + "/ping/backup").status) ?? 0
            return last == 503
        }
        #expect(isRefused, "\(last)")
        let isCounted = await waitUntil {
            (try? await sidecar.query("sidecar_heartbeat_writes_failed_total").first?.value) ?? 0 >= 1
        }
        #expect(isCounted)
        #expect(sidecar.process.errorOutput.components(separatedBy: "heartbeat.not_kept").count == 2, "one line")
        try FileManager.default.removeItem(atPath: disk.path + "/filler")
        #expect(await waitUntil { (try? await HTTPGet(sidecar.url + "/ping/backup").status) == 200 })
        await sidecar.process.stop()
        withExtendedLifetime(disk) {}
    }

    @Test
    func `what is wrong in the section is told with its place`() async throws {
        let directory = try TemporaryDirectory("sidecar")
        let path = try directory.write(
            """
            heartbeats:
              - { name: "a b", period: 1h }
              - { name: c, cron: "61 * * * *" }
              - { name: d, cron: "0 0 * * *", zone: Mars/Olympus }
              - { name: e }
              - { name: f, period: 1h, garce: 5m }
            health_checks:
              - { name: q, queue: { redis: { url: "redis://h" }, max_age: 1h } }
              - { name: e, tcp: { address: "h:1" } }
              - { name: s, smtp: { address: "h:25", encryption: tls } }
              - { name: p, process: { port: 80, unit: web } }
              - { name: d, dns: { name: x, type: XYZ } }
              - { name: g, systemd: {} }
            """,
            to: "sidecar.yml"
        )
        let result = try await ChildProcess.run(Programs.sidecar, ["check", "config", path])
        let text = result.output + result.error
        for expected in [
            ":2:", "name: expected letters", ":3:", "minute: \"61\" is not 0 to 59", ":4:", "Mars/Olympus", ":5:",
            "one of period and cron is required", ":6:", "unknown key \"garce\"", "grace", "waiting is required",
            "one of none, starttls, implicit", "one of the keys pid_file, unit, port",
            "one of A, AAAA", "units is required",
        ] {
            #expect(text.contains(expected), "\(expected) in \(text)")
        }
        #expect(result.exit != .code(0))
    }

    private func state(_ check: String, of sidecar: RunningSidecar) async -> String? {
        guard let answer = try? await HTTPGet(sidecar.url + "/api/sidecar/checks"),
            let list = try? JSONSerialization.jsonObject(with: answer.body) as? [[String: Any]]
        else { return nil }
        return list.first { $0["name"] as? String == check }?["state"] as? String
    }
}
