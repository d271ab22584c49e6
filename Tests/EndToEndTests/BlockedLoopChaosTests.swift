// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A thread that hangs inside a running process: found by liveness, told to systemd, and forgotten when it turns again.
@Suite(
    .serialized,
    .timeLimit(.minutes(2)),
    .enabled(if: ProcessInfo.processInfo.environment["SIDECAR_CHAOS"] == "1", "only in `make chaos`")
)
struct BlockedLoopChaosTests {
    @Test func `liveness fails within the limit and the watchdog is fed no more while the I/O loop is held`()
        async throws
    {
        let sidecar = try await SupervisedSidecar()
        let livez = "http://127.0.0.1:\(sidecar.port)/livez"
        #expect(await waitUntil { await statusCode(livez) == 200 && sidecar.feedings >= 3 })

        let thread = try #require(Self.thread("io", of: sidecar.process.identifier))
        // each look of this one thread at its descriptors begins seven seconds late
        let holder = try ChildProcess(
            "strace",
            ["-qq", "-o", "/dev/null", "-p", "\(thread)", "-e", "inject=epoll_wait,epoll_pwait:delay_enter=7000000"]
        )
        let held = ContinuousClock.now
        var text = ""
        let isFailing = await waitUntil(deadline: .seconds(9), every: .milliseconds(50)) {
            text = (try? await HTTPGet(livez, timeout: 1).text) ?? ""
            return text.contains("[-]io failed: stalled\n")
        }
        #expect(isFailing, "\(text) \(holder.errorOutput)")
        #expect(ContinuousClock.now - held < .seconds(7))
        let silent = sidecar.feedings
        try await Task.sleep(for: .seconds(1))
        #expect(sidecar.feedings == silent, "systemd hears nothing")
        await holder.stop(SIGINT)
        #expect(await waitUntil(deadline: .seconds(10)) { await statusCode(livez) == 200 && sidecar.feedings > silent })
        #expect(await sidecar.stop(), "\(sidecar.process.errorOutput)")
    }

    /// The thread of that name.
    private static func thread(_ name: String, of process: Int32) -> Int32? {
        let tasks = "/proc/\(process)/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
        return threads.compactMap { Int32($0) }.first { thread in
            let text = try? String(contentsOfFile: "\(tasks)/\(thread)/comm", encoding: .utf8)
            return text?.trimmingCharacters(in: .whitespacesAndNewlines) == name
        }
    }
}
