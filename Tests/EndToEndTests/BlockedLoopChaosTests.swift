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
    private static let receiver = """
        import socket, sys
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(sys.argv[1])
        print("bound", flush=True)
        while True: print(s.recv(4096).decode().replace("\\n", " "), flush=True)
        """

    @Test func `liveness fails within the limit and the watchdog is fed no more while the I/O loop is held`()
        async throws
    {
        let directory = try TemporaryDirectory("blocked")
        let socket = directory.path("notify")
        let receiver = try ChildProcess("python3", ["-c", Self.receiver, socket])
        #expect(await waitUntil { receiver.output.contains("bound") })
        let port = try freePort()
        let sidecar = try ChildProcess(
            Programs.sidecar,
            ["run", "--listen", "127.0.0.1:\(port)", "--data-dir", directory.path("data")],
            environment: ["NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "400000"]
        )
        let livez = "http://127.0.0.1:\(port)/livez"
        func feedings() -> Int { receiver.output.components(separatedBy: "WATCHDOG=1").count - 1 }
        #expect(await waitUntil { await statusCode(livez) == 200 && feedings() >= 3 })

        let thread = try #require(Self.thread("io", of: sidecar.identifier))
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
        let silent = feedings()
        try await Task.sleep(for: .seconds(1))
        #expect(feedings() == silent, "systemd hears nothing")
        await holder.stop(SIGINT)
        #expect(await waitUntil(deadline: .seconds(10)) { await statusCode(livez) == 200 && feedings() > silent })
        #expect(await sidecar.stop(grace: .seconds(20)) == .code(0), "\(sidecar.errorOutput)")
        await receiver.stop(SIGKILL)
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
