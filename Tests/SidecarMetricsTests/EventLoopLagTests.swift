// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOPosix
import SidecarMetrics
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct EventLoopLagTests {
    @Test func `a blocked event loop shows, and the other one does not`() async throws {
        let test = TestRegistry()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let lag = EventLoopLag(group: group, registry: test.registry, interval: .milliseconds(20))
        let loops = Array(group.makeIterator())
        let isMeasured = await waitUntil { count(test) >= 4 }
        #expect(isMeasured)
        let (countBefore, sumBefore) = (count(test), sum(test))
        let isBlocked = Atomic<Bool>(true)
        let blocked = loops[0].submit { while isBlocked.load(ordering: .relaxed) { _ = usleep(1_000) } }
        // However loaded the machine is: the other loop goes on while the first one stands still.
        let goesOn = await waitUntil { count(test) >= countBefore + 15 }
        isBlocked.store(false, ordering: .relaxed)
        try await blocked.get()
        #expect(goesOn)
        // Fifteen measurements took at least fourteen intervals, and the first loop was due in the first of them.
        let shows = await waitUntil { sum(test) >= sumBefore + 0.25 }
        #expect(shows, "\(test.lines)")
        #expect(test.lines.filter { $0.hasPrefix("event_loop_lag_last_seconds{loop=") }.count == 2)

        lag.cancel()
        try await group.next().submit {}.get()
        for loop in loops { try await loop.submit {}.get() }
        let before = count(test)
        for loop in loops { try await loop.scheduleTask(in: .milliseconds(60)) {}.futureResult.get() }
        #expect(count(test) == before)
        try await group.shutdownGracefully()
    }

    private func count(_ test: TestRegistry) -> Double {
        test.line("event_loop_lag_seconds_count").flatMap { Double($0) } ?? 0
    }

    private func sum(_ test: TestRegistry) -> Double {
        test.line("event_loop_lag_seconds_sum").flatMap { Double($0) } ?? 0
    }
}
