// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import Foundation
import HealthChecks
import SQLiteClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct LocalCheckTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    @Test
    func `a SQLite file is sound, missing, damaged or locked, and is never created`() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("booking.db")
        #expect(try await sqlite(path).check(deadline: .seconds(1)).reason == .missing)
        #expect(!FileManager.default.fileExists(atPath: path))
        let made = try await ChildProcess.run(
            "python3",
            [
                "-c", "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('create table t(x)'); c.commit()",
                path,
            ]
        )
        #expect(made.exit == .code(0), "\(made.error)")
        let sound = try await sqlite(path).check(deadline: .seconds(2))
        #expect(sound.verdict == .up, "\(sound.text)")
        #expect(sound.value("sqlite_up") == 1)
        #expect(sound.value("sqlite_quick_check_ok") == 1)
        #expect((sound.value("sqlite_database_size_bytes") ?? 0) >= 4096)
        let holder = try ChildProcess(
            "python3",
            [
                "-c",
                "import sqlite3,sys,time; c=sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('begin exclusive'); print('held', flush=True); time.sleep(60)",
                path,
            ]
        )
        #expect(await waitUntil { holder.output.contains("held") })
        let start = ContinuousClock.now
        #expect(
            try await sqlite(path) { $0.busyTimeout = .milliseconds(100) }.check(deadline: .seconds(2)).reason == .busy
        )
        #expect(ContinuousClock.now - start < .seconds(1))
        await holder.stop(SIGKILL)
        var bytes = try readBytes(path)
        bytes.replaceSubrange(0..<100, with: repeatElement(0x58, count: 100))
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        #expect(try await sqlite(path).check(deadline: .seconds(2)).reason == .corrupt)
    }

    private static let writer = """
        import sqlite3, sys, time
        c = sqlite3.connect(sys.argv[1], isolation_level=None)
        c.execute("pragma journal_mode=wal")
        c.execute("create table t(x)")
        c.execute("insert into t values (1)")
        print("written", flush=True)
        time.sleep(60)
        """

    @Test(.enabled(if: SmallDisk.isPossible))
    func `a SQLite file on a full or read-only disk can be read and not written`() async throws {
        let disk = try SmallDisk(bytes: 1 << 20)
        let path = disk.path + "/booking.db"
        let writer = try ChildProcess("python3", ["-c", Self.writer, path])
        #expect(await waitUntil { writer.output.contains("written") })
        #expect(try await sqlite(path) { $0.requiresWritable = true }.check(deadline: .seconds(2)).verdict == .up)
        _ = try await ChildProcess.run("dd", ["if=/dev/zero", "of=\(disk.path)/filler", "bs=4096"])
        #expect(try await sqlite(path) { $0.requiresWritable = true }.check(deadline: .seconds(2)).reason == .full)
        #expect(try await sqlite(path).check(deadline: .seconds(2)).verdict == .up, "readers are not hindered")
        try FileManager.default.removeItem(atPath: disk.path + "/filler")
        await writer.stop(SIGTERM)
        try disk.setReadOnly(true)
        #expect(try await sqlite(path) { $0.requiresWritable = true }.check(deadline: .seconds(2)).reason == .readOnly)
        withExtendedLifetime(disk) {}
    }

    @Test
    func `a write-ahead log that is too large or taken away is told or survived`() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("booking.db")
        let writer = try ChildProcess("python3", ["-c", Self.writer, path])
        #expect(await waitUntil { writer.output.contains("written") })
        let grown = try await sqlite(path) { $0.maximumWALBytes = 100 }.check(deadline: .seconds(2))
        #expect(grown.verdict == .degraded && grown.reason == .threshold, "\(grown.text)")
        #expect((grown.value("sqlite_wal_size_bytes") ?? 0) > 100)
        await writer.stop(SIGKILL)
        for name in ["booking.db-wal", "booking.db-shm"] {
            try? FileManager.default.removeItem(atPath: directory.path(name))
        }
        let bare = try await sqlite(path).check(deadline: .seconds(2))
        #expect(bare.verdict == .up || bare.reason == .corrupt, "\(bare.text)")
        try FileManager.default.removeItem(atPath: path)
        #expect(try await sqlite(path).check(deadline: .seconds(2)).reason == .missing)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test(.enabled(if: SmallDisk.isPossible))
    func `a full disk is told, also where it is mounted read-only here, and a read-only image is not`() async throws {
        let disk = try SmallDisk(bytes: 1 << 20)
        _ = try await ChildProcess.run("dd", ["if=/dev/zero", "of=\(disk.path)/filler", "bs=4096"])
        let check = try HostCheck(name: "host", HostCheckConfiguration(), in: fixture.environment)
        let full = await check.check(deadline: .seconds(5))
        #expect(full.reason == .full && full.text.contains(disk.path), "\(full.text)")
        let remounted = try await ChildProcess.run("mount", ["-o", "remount,bind,ro", disk.path])
        #expect(remounted.exit == .code(0), "\(remounted.error)")
        let bound = await check.check(deadline: .seconds(5))
        #expect(bound.reason == .full && bound.text.contains(disk.path), "\(bound.text)")
        #expect(bound.value("node_filesystem_readonly", ["mountpoint": disk.path]) == 1)
        try disk.setReadOnly(true)
        let image = await check.check(deadline: .seconds(5))
        #expect(!image.text.contains(disk.path), "\(image.text)")
        withExtendedLifetime(disk) {}
    }

    @Test
    func `the host's series are those of node_exporter, read from the kernel`() async throws {
        let check = try HostCheck(name: "host", HostCheckConfiguration(), in: fixture.environment)
        let result = await check.check(deadline: .seconds(5))
        for name in [
            "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes", "node_memory_Active_anon_bytes",
            "node_load1",
            "node_boot_time_seconds", "node_context_switches_total", "node_filefd_allocated", "node_procs_running",
        ] { #expect((result.value(name) ?? -1) >= 0, "\(name)") }
        #expect((result.value("node_cpu_seconds_total", ["mode": "idle"]) ?? 0) > 0)
        #expect((result.value("node_network_receive_bytes_total", ["device": "lo"]) ?? -1) >= 0)
        let keys = result.samples.map { "\($0.name)\($0.labels.map { $0.name + $0.value })" }
        #expect(Set(keys).count == keys.count)
    }

    @Test
    func `a disk is measured, written to, and its limits decide`() async throws {
        let directory = try TemporaryDirectory()
        var configuration = DiskCheckConfiguration(path: directory.path)
        configuration.writes = true
        configuration.warning = 1.1
        configuration.critical = 1.1
        let check = try DiskCheck(name: "disk", configuration, in: fixture.environment)
        let result = await check.check(deadline: .seconds(5))
        #expect(result.verdict == .up, "\(result.text)")
        #expect((result.value("disk_available_bytes") ?? 0) > 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
        configuration.warning = -1
        let warned = try DiskCheck(name: "disk", configuration, in: fixture.environment)
        #expect(await warned.check(deadline: .seconds(5)).reason == .threshold)
        configuration.critical = -1
        let full = try DiskCheck(name: "disk", configuration, in: fixture.environment)
        #expect(await full.check(deadline: .seconds(5)).reason == .full)
        let gone = try DiskCheck(name: "disk", DiskCheckConfiguration(path: "/nonexistent"), in: fixture.environment)
        #expect(await gone.check(deadline: .seconds(5)).reason == .missing)
    }

    private func sqlite(
        _ path: String,
        _ change: (inout SQLiteCheckConfiguration) -> Void = { _ in }
    ) throws -> SQLiteCheck {
        var configuration = SQLiteCheckConfiguration(path: path)
        change(&configuration)
        return try SQLiteCheck(name: "file", configuration, in: fixture.environment)
    }
}
