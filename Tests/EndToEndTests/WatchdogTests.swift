// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// systemd's watchdog is fed by progress: a loop that hangs ends it.
@Suite(.timeLimit(.minutes(1)))
struct WatchdogTests {
    /// Holds the write lock of a database until it is told to end.
    private static let lock = """
        import sqlite3, sys
        database = sqlite3.connect(sys.argv[1], isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        print("locked", flush=True)
        import signal; signal.pause()
        """

    @Test func `a loop that waits for a locked database feeds no watchdog`() async throws {
        let sidecar = try await SupervisedSidecar()
        #expect(await waitUntil { sidecar.heard.contains("READY=1") && sidecar.feedings >= 3 })

        let holder = try ChildProcess("python3", ["-c", Self.lock, sidecar.directory.path("data/notifications.db")])
        #expect(await waitUntil { holder.output.contains("locked") })
        let silence = """
            {"matchers": [{"name": "alertname", "value": "A", "isRegex": false}], "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "2036-01-01T00:00:00Z", "createdBy": "tests", "comment": "none"}
            """
        let waiting = try ChildProcess(
            "curl",
            ["--silent", "--max-time", "20", "--header", "Content-Type: application/json", "--data-binary", silence]
                + ["http://127.0.0.1:\(sidecar.port)/api/v2/silences"]
        )
        // whatever was on its way has arrived when half a second passes without another
        var last = sidecar.feedings
        let isSilent = await waitUntil(deadline: .seconds(4), every: .milliseconds(700)) {
            defer { last = sidecar.feedings }
            return sidecar.feedings == last && last > 0
        }
        #expect(isSilent, "\(sidecar.heard)")
        #expect(await statusCode("http://127.0.0.1:\(sidecar.port)/readyz") == 200)
        let silent = sidecar.feedings
        await holder.stop(SIGKILL)
        #expect(await waitUntil { sidecar.feedings >= silent + 2 })
        #expect(await waiting.wait(deadline: .seconds(20)) == .code(0))
        #expect(await sidecar.stop())
    }
}
