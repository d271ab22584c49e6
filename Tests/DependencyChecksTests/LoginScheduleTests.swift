// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import EventLoop
import Testing

/// New logins beside an open connection, without a server.
struct LoginScheduleTests {
    private let start = MonotonicTime.now()

    private func at(_ seconds: Double) -> MonotonicTime { start + .milliseconds(Int(seconds * 1_000)) }

    @Test
    func `one is tried each interval, counted from the last`() {
        var logins = LoginSchedule(every: .seconds(10))
        #expect(!logins.isDue(at: at(0)), "the first connection is a login itself")
        let logged = [logins.connected(at: at(0)), logins.connected(at: at(1))]
        #expect(logged == [true, false], "the same connection")
        var tried: [Int] = []
        for second in 0..<60 where logins.isDue(at: at(Double(second))) {
            logins.begin(at: at(Double(second)))
            logins.end(failed: false)
            tried.append(second)
        }
        #expect(tried == [10, 20, 30, 40, 50])
    }

    @Test
    func `one that failed is tried by every attempt until somebody gets in`() {
        var logins = LoginSchedule(every: .seconds(10))
        _ = logins.connected(at: at(0))
        logins.begin(at: at(10))
        logins.end(failed: true)
        #expect(logins.isDue(at: at(10.5)))
        logins.begin(at: at(10.5))
        #expect(logins.isDue(at: at(11)))
        logins.end(failed: false)
        #expect(!logins.isDue(at: at(20)))
        #expect(logins.isDue(at: at(20.5)))
    }

    @Test
    func `a new connection is a login, and without an interval there is no other`() {
        var logins = LoginSchedule(every: .seconds(10))
        _ = logins.connected(at: at(0))
        logins.connectionLost()
        #expect(!logins.isDue(at: at(60)))
        let isNew = logins.connected(at: at(60))
        #expect(isNew)
        #expect(!logins.isDue(at: at(69)))
        var none = LoginSchedule(every: nil)
        _ = none.connected(at: at(0))
        #expect(!none.isDue(at: at(1_000_000)))
    }
}
