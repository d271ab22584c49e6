// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// systemd's watchdog is fed by progress: a loop that hangs ends it.
@Suite(.timeLimit(.minutes(1)))
struct WatchdogTests {
    private static let receiver = """
        import socket, sys
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(sys.argv[1])
        print("bound", flush=True)
        while True: print(s.recv(4096).decode().replace("\\n", " "), flush=True)
        """

    /// Holds the write lock of a database until it is told to end.
    private static let lock = """
        import sqlite3, sys
        database = sqlite3.connect(sys.argv[1], isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        print("locked", flush=True)
        import signal; signal.pause()
        """

    @Test func `a loop that waits for a locked database feeds no watchdog`() async throws {
        let directory = try TemporaryDirectory("watchdog")
        let socket = directory.path("notify")
        let receiver = try ChildProcess("python3", ["-c", Self.receiver, socket])
        #expect(await waitUntil { receiver.output.contains("bound") })
        let port = try freePort()
        let sidecar = try ChildProcess(
            Programs.sidecar,
            ["run", "--listen", "127.0.0.1:\(port)", "--data-dir", directory.path("data")],
            environment: ["NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "400000"]
        )
        func feedings() -> Int { receiver.output.components(separatedBy: "WATCHDOG=1").count - 1 }
        #expect(await waitUntil { receiver.output.contains("READY=1") && feedings() >= 3 })

        let holder = try ChildProcess("python3", ["-c", Self.lock, directory.path("data/notifications.db")])
        #expect(await waitUntil { holder.output.contains("locked") })
        let silence = """
            {"matchers": [{"name": "alertname", "value": "A", "isRegex": false}], "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "2036-01-01T00:00:00Z", "createdBy": "tests", "comment": "none"}
            """
        let waiting = try ChildProcess(
            "curl",
            ["--silent", "--max-time", "20", "--header", "Content-Type: application/json", "--data-binary", silence]
                + ["http://127.0.0.1:\(port)/api/v2/silences"]
        )
        // whatever was on its way has arrived when half a second passes without another
        var last = feedings()
        let isSilent = await waitUntil(deadline: .seconds(4), every: .milliseconds(700)) {
            defer { last = feedings() }
            return feedings() == last && last > 0
        }
        #expect(isSilent, "\(receiver.output)")
        #expect(await statusCode("http://127.0.0.1:\(port)/readyz") == 200)
        let silent = feedings()
        await holder.stop(SIGKILL)
        #expect(await waitUntil { feedings() >= silent + 2 })
        #expect(await waiting.wait(deadline: .seconds(20)) == .code(0))
        #expect(await sidecar.stop(grace: .seconds(20)) == .code(0))
        await receiver.stop(SIGKILL)
    }
}
