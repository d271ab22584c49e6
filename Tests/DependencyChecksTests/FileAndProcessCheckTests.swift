// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import Foundation
import HealthChecks
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct FileAndProcessCheckTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    private func files(
        _ pattern: String,
        _ change: (inout FileCheckConfiguration) -> Void = { _ in }
    ) async throws -> CheckResult {
        var configuration = FileCheckConfiguration(pattern: pattern)
        change(&configuration)
        return await (try FileCheck(name: "backup", configuration, in: fixture.environment))
            .check(deadline: .seconds(2))
    }

    @Test
    func `a backup that is missing, old or small is told`() async throws {
        let directory = try TemporaryDirectory("backups")
        let pattern = directory.path + "/db-*.gz"
        #expect(try await files(pattern).reason == .missing)
        for (name, hours) in [("db-1.gz", 50.0), ("db-2.gz", 2.0), ("other", 0.0)] {
            let path = try directory.write("0123456789", to: name)
            let date = Date.now.addingTimeInterval(-hours * 3_600)
            try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path)
        }
        let good = try await files(pattern) { $0.maximumAge = .seconds(3 * 3_600) }
        #expect(good.verdict == .up, "\(good.text)")
        #expect(good.value("file_glob_match_number") == 2)
        #expect(good.value("file_stat_size_bytes") == 10)
        #expect(abs(try #require(good.value("file_age_seconds")) - 7_200) < 10)
        let old = try await files(pattern) { $0.maximumAge = .seconds(3_600) }
        #expect(old.reason == .threshold)
        #expect(old.value("file_up") == 0)
        #expect(try await files(pattern) { $0.warningAge = .seconds(3_600) }.verdict == .degraded)
        #expect(try await files(pattern) { $0.minimumBytes = 11 }.reason == .threshold)
        #expect(try await files(pattern) { $0.minimumCount = 3 }.reason == .missing)
        #expect(throws: CheckConfigurationError.self) {
            try FileCheck(name: "backup", FileCheckConfiguration(pattern: "x"), in: fixture.environment)
        }
    }

    @Test
    func `a process is found by its pid file or port, and what it takes is measured`() async throws {
        let server = try await RedisServer()
        let directory = try TemporaryDirectory("pid")
        let path = try directory.write("\(try #require(server.identifier))\n", to: "redis.pid")
        func check(_ target: ProcessCheckConfiguration.Target) throws -> ProcessCheck {
            try ProcessCheck(name: "redis", ProcessCheckConfiguration(target: target), in: fixture.environment)
        }
        let byPort = try check(.port(server.port))
        for check in [try check(.pidFile(path)), byPort, byPort] {
            let result = await check.check(deadline: .seconds(2))
            #expect(result.verdict == .up, "\(result.text)")
            #expect(result.value("process_up") == 1)
            #expect(try #require(result.value("process_resident_memory_bytes")) > 1e6)
            #expect(try #require(result.value("process_threads")) >= 2)
            #expect(try #require(result.value("process_open_fds")) > 4)
            #expect(try #require(result.value("process_max_fds")) > 10)
            let start = try #require(result.value("process_start_time_seconds"))
            #expect(abs(start - Date.now.timeIntervalSince1970) < 60)
        }
        server.suspend()
        #expect(await waitUntil { await byPort.check(deadline: .seconds(1)).reason == .stalled })
        server.resume()
        await server.stop()
        #expect(await byPort.check(deadline: .seconds(2)).reason == .missing)
        let stale = await (try check(.pidFile(path))).check(deadline: .seconds(2))
        #expect(stale.reason == .missing)
        #expect(stale.text == "its pid is nobody's")
        #expect(await (try check(.pidFile("/no/such.pid"))).check(deadline: .seconds(1)).text == "not running")
        #expect(await (try check(.unit("no-such-unit"))).check(deadline: .seconds(1)).reason == .missing)
    }

    @Test(.enabled(if: ControlGroup.root != nil, "needs root and control groups of version 2"))
    func `a process is found by its unit`() async throws {
        let group = try ControlGroup()
        let process = try ChildProcess("sleep", ["1000"])
        try group.take(process.identifier)
        for name in [group.unit, String(group.unit.dropLast(".service".count))] {
            let check = try ProcessCheck(
                name: "unit",
                ProcessCheckConfiguration(target: .unit(name)),
                in: fixture.environment
            )
            let found = await check.check(deadline: .seconds(2))
            #expect(found.verdict == .up, "\(found.text)")
            #expect(found.value("process_threads") == 1)
        }
        await process.stop(SIGKILL)
        let check = try ProcessCheck(
            name: "unit",
            ProcessCheckConfiguration(target: .unit(group.unit)),
            in: fixture.environment
        )
        #expect(await check.check(deadline: .seconds(2)).reason == .missing)
    }
}
