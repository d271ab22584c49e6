// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Between the alert's state and the notifications: a process that dies there must not take the news with it.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct HandoverTests {
    @Test
    func `an alert whose rule and process go before the notifications could write it is told by the next process`()
        async throws
    {
        let watch = try await BrokenWatch(hold: "0s")
        // Somebody holds the notifications' file; they wait for it for five seconds.
        let script = """
            import sqlite3, sys, time
            held = sqlite3.connect(sys.argv[1], isolation_level=None)
            held.execute('begin immediate')
            print('held', flush=True)
            time.sleep(60)
            """
        let holder = try ChildProcess("python3", ["-c", script, watch.stateFile("notifications.db")])
        #expect(await waitUntil { holder.output.contains("held") })
        watch.target.isBroken = true
        let fires = try await waitUntil(deadline: .seconds(3)) {
            try await watch.sidecar.query(#"ALERTS{alertname="Broken", alertstate="firing"}"#).count == 1
        }
        #expect(fires)
        #expect(try await watch.reload(rules: "      - { alert: Other, expr: broken > 5 }\n") == 200)
        let isGone = try await waitUntil(deadline: .seconds(1)) {
            try await watch.sidecar.query(#"ALERTS{alertname="Broken"}"#).isEmpty
        }
        #expect(isGone)
        await watch.kill()
        holder.send(SIGKILL)
        _ = await holder.wait()
        #expect(watch.notes.isEmpty)

        try await watch.restart()
        #expect(await waitUntil(deadline: .seconds(10)) { watch.notes.count == 2 })
        #expect(watch.notes.map(\.isFiring) == [true, false])
        // Once: the next process has nothing to add.
        try await watch.restart()
        try await Task.sleep(for: .milliseconds(500))
        #expect(Set(watch.notes.map(\.id)).count == 2)
        await watch.kill()
    }
}
