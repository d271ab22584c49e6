// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What a person meets first: no configuration, a wrong one, the size of an idle process, a clean end.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct CommandLineTests {
    @Test(arguments: [
        ("global: { scrape_intervall: 1s }\n", "1:11: unknown key \"scrape_intervall\""),
        ("scrape_configs:\n  - job_name: a\n    scrape_interval: fast\n", "3:22: "),
        ("health_checks:\n  - { name: a, postgres: { dns: \"x\" } }\n", "2:28: unknown key \"dns\""),
        ("a: [\n", "2:1: "),
        ("rule_files: 7\nroute: { receiver: nobody }\n", "1:13: "),
    ])
    func `a malformed configuration ends with 1 and a line per problem`(text: String, expected: String) async throws {
        let directory = try TemporaryDirectory("configuration")
        let path = try directory.write(text, to: "bad.yml")
        for command in [["run", "--config", path, "--listen", "127.0.0.1:0"], ["check", "config", path]] {
            let result = try await ChildProcess.run(Programs.sidecar, command)
            #expect(result.exit == .code(1), "\(result)")
            let lines = (result.error + result.output).split(separator: "\n")
            #expect(lines.contains { $0.contains("bad.yml:\(expected)") }, "\(lines)")
        }
    }

    @Test func `the shipped configuration is good, by a relative path too, and rule files count from its directory`()
        async throws
    {
        let script = "cd '\(Programs.root)' && '\(Programs.sidecar)' check config config/sidecar.yml"
        let result = try await ChildProcess.run("sh", ["-c", script])
        #expect(result.exit == .code(0), "\(result)")
        #expect(result.output.contains("config/sidecar.yml: ok: 1 scrape configurations, 3 checks, "))
    }

    @Test func `a missing configuration ends with 1 and names the file`() async throws {
        let result = try await ChildProcess.run(Programs.sidecar, ["run", "--config", "/nonexistent/sidecar.yml"])
        #expect(result.exit == .code(1))
        #expect(result.error.contains("/nonexistent/sidecar.yml"))
    }

    @Test func `wrong usage ends with 2`() async throws {
        #expect(try await ChildProcess.run(Programs.sidecar, ["run", "--no-such-option"]).exit == .code(2))
        #expect(try await ChildProcess.run(Programs.sidecar, ["nonsense"]).exit == .code(2))
    }

    @Test func `one target needs no file, and both programs are small and end cleanly`() async throws {
        let booking = try await RunningBookingService()
        let sidecar = try await RunningSidecar(arguments: ["--target", booking.url])
        let scraped = try await waitUntil {
            let result = try await sidecar.query("up{job=\"service\"}")
            return result.first?.value == 1 && result.first?.labels["instance"] == "127.0.0.1:\(booking.port)"
        }
        #expect(scraped)
        for process in [booking.process, sidecar.process] {
            let status = try String(contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
            let kibibytes = try #require(line.split(separator: " ").compactMap { Int($0) }.first)
            #expect(kibibytes < 60 * 1_024, "\(line)")
        }
        let healthcheck = try await ChildProcess.run(Programs.sidecar, ["healthcheck", booking.url + "/livez"])
        #expect(healthcheck.exit == .code(0), "\(healthcheck.error)")
        #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0), "\(sidecar.process.errorOutput)")
        #expect(await booking.process.stop(grace: .seconds(20)) == .code(0), "\(booking.process.errorOutput)")
        let refused = try await ChildProcess.run(Programs.sidecar, ["healthcheck", booking.url + "/livez"])
        #expect(refused.exit == .code(1))
    }

    @Test func `the sidecar carries the Swift runtime and no full Foundation`() async throws {
        let libraries = try await ChildProcess.run("ldd", [Programs.sidecar])
        #expect(libraries.output.contains("libc.so") && !libraries.output.contains("libswift"), "\(libraries.output)")
        let symbols = try await ChildProcess.run("nm", ["--defined-only", Programs.sidecar])
        #expect(symbols.output.contains("$s13SidecarServer"), "\(symbols.error)")
        // Names of the modules, as they stand in mangled symbols, and of the C library below them.
        for unwanted in ["$s10Foundation", "$s31FoundationInternationalization", " CFString", " ucal_"] {
            #expect(!symbols.output.contains(unwanted), "\(unwanted)")
        }
    }
}
