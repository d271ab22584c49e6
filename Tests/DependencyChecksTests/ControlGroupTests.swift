// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import Foundation
import HealthChecks
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ControlGroupTests {
    @Test
    func `limits and use of the control group come from its files, and its memory decides`() async throws {
        let fixture = try CheckFixture()
        let directory = try TemporaryDirectory("cgroup")
        try directory.write("0::/system.slice/app.service\n", to: "proc/self/cgroup")
        try directory.write("MemTotal: 16000000 kB\nMemAvailable: 15000000 kB\n", to: "proc/meminfo")
        let group = "sys/fs/cgroup/system.slice/app.service/"
        let files = [
            "cgroup.controllers": "cpu memory pids", "memory.current": "900000000", "memory.max": "1000000000",
            "memory.stat": "anon 100\ninactive_file 700000000\n", "memory.events": "low 0\noom 3\noom_kill 2\n",
            "cpu.stat": "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 10\nnr_throttled 4\n"
                + "throttled_usec 1500000\n",
            "cpu.max": "50000 100000", "pids.current": "17",
            "memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=4000000\n"
                + "full avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n",
        ]
        for (name, text) in files { try directory.write(text, to: group + name) }
        var configuration = HostCheckConfiguration()
        configuration.procPath = directory.path("proc")
        configuration.sysPath = directory.path("sys")
        configuration.diskCritical = 1
        configuration.diskWarning = 1
        let check = try HostCheck(name: "host", configuration, in: fixture.environment)
        let result = await check.check(deadline: .seconds(2))
        #expect(result.verdict == .up, "\(result.text)")
        #expect(result.value("container_memory_usage_bytes") == 900_000_000)
        #expect(result.value("container_memory_working_set_bytes") == 200_000_000)
        #expect(result.value("container_spec_memory_limit_bytes") == 1_000_000_000)
        #expect(result.value("container_oom_events_total") == 2)
        #expect(result.value("container_cpu_usage_seconds_total") == 2.5)
        #expect(result.value("container_cpu_cfs_throttled_periods_total") == 4)
        #expect(result.value("container_cpu_cfs_throttled_seconds_total") == 1.5)
        #expect(result.value("container_spec_cpu_quota") == 50_000)
        #expect(result.value("container_processes") == 17)
        #expect(result.value("container_pressure_memory_waiting_seconds_total") == 4)
        #expect(result.value("container_pressure_memory_stalled_seconds_total") == 1)
        try directory.write("inactive_file 1000\n", to: group + "memory.stat")
        try directory.write("990000000", to: group + "memory.current")
        let full = await check.check(deadline: .seconds(2))
        #expect(full.reason == .outOfMemory, "\(full.text)")
    }

    @Test(.enabled(if: ControlGroup.root != nil, "needs root and control groups of version 2"))
    func `a real control group's use is what the kernel counts`() async throws {
        let group = try ControlGroup()
        let burner = try ChildProcess("/bin/sh", ["-c", "while :; do :; done"])
        try group.take(burner.identifier)
        let directory = try TemporaryDirectory("cgroup")
        try directory.write("0::\(group.path)\n", to: "proc/self/cgroup")
        try directory.write("", to: "sys/fs/none")
        try FileManager.default.createSymbolicLink(
            atPath: directory.path("sys/fs/cgroup"),
            withDestinationPath: try #require(ControlGroup.root)
        )
        var configuration = HostCheckConfiguration()
        configuration.procPath = directory.path("proc")
        configuration.sysPath = directory.path("sys")
        let fixture = try CheckFixture()
        let check = try HostCheck(name: "host", configuration, in: fixture.environment)
        #expect(try await waitUntil { try group.cpuSeconds() > 0.2 })
        let before = (try group.cpuSeconds(), try group.cpuSeconds("user_usec"))
        let result = await check.check(deadline: .seconds(2))
        let after = (try group.cpuSeconds(), try group.cpuSeconds("user_usec"))
        let used = try #require(result.value("container_cpu_usage_seconds_total"))
        let user = try #require(result.value("container_cpu_user_seconds_total"))
        #expect(before.0 <= used && used <= after.0)
        #expect(before.1 <= user && user <= after.1)
        for resource in ["cpu", "memory", "io"] {
            #expect(result.value("container_pressure_\(resource)_waiting_seconds_total") != nil)
        }
        await burner.stop(SIGKILL)
        withExtendedLifetime(fixture) {}
    }
}
