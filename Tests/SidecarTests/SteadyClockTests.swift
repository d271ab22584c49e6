// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import SidecarServer
import Synchronization
import TestSupport
import Testing
import TimeSeries

@Suite
struct SteadyClockTests {
    /// A machine whose clocks are set by hand.
    private final class Machine: Sendable {
        let time = Mutex(HealthTime(uptime: .seconds(100), unixMilliseconds: 1_800_000_000_000))
        var clock: HealthClock { HealthClock { self.time.withLock { $0 } } }

        func pass(_ duration: Duration) { time.withLock { $0 = $0.advanced(by: duration) } }
        func set(by milliseconds: Int64) { time.withLock { $0.unixMilliseconds += milliseconds } }
        var milliseconds: Int64 { time.withLock { $0.unixMilliseconds } }
    }

    @Test func `an even clock is followed to the millisecond`() {
        let machine = Machine()
        let steady = SteadyClock(machine.clock)
        for _ in 0..<10_000 {
            machine.pass(.milliseconds(7))
            #expect(steady.now() == machine.clock.now())
        }
        #expect(steady.steps.count == 0)
    }

    @Test func `small corrections never turn it back, and are caught up with`() {
        let seed = UInt64.random(in: 1 ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let machine = Machine()
        let steady = SteadyClock(machine.clock)
        for _ in 0..<200 {
            let correction = Int64.random(in: -9_000...900, using: &random)
            machine.set(by: correction)
            var last = steady.now().unixMilliseconds
            for _ in 0..<2_000 {
                machine.pass(.milliseconds(500))
                let now = steady.now().unixMilliseconds
                #expect(now > last && now >= machine.milliseconds)
                last = now
            }
            #expect(last == machine.milliseconds)
        }
        #expect(steady.steps.count == 0)
    }

    @Test(arguments: [-3_600_000, -10_000, 1_000, 3_600_000, 1_000_000_000_000] as [Int64])
    func `a clock that was set is followed at once, and the step is told`(_ milliseconds: Int64) {
        let machine = Machine()
        let steady = SteadyClock(machine.clock)
        machine.pass(.seconds(1))
        _ = steady.now()
        machine.set(by: milliseconds)
        machine.pass(.milliseconds(100))
        #expect(steady.now() == machine.clock.now())
        #expect(steady.steps.count == 1)
        #expect(steady.steps.total == .milliseconds(milliseconds))
        #expect(steady.steps.last.milliseconds == machine.milliseconds)
        machine.pass(.seconds(1))
        #expect(steady.now() == machine.clock.now())
        #expect(steady.steps.count == 1)
    }

    @Test func `no reading of a broken clock stops the process`() {
        let machine = Machine()
        let steady = SteadyClock(machine.clock)
        for value in [Int64.min, 0, -1, .max, 1_800_000_000_000, .max, .min] {
            machine.time.withLock { $0.unixMilliseconds = value }
            _ = steady.now()
            machine.time.withLock { $0.uptime += .seconds(Int64(1) << 40) }
            _ = steady.now()
        }
    }
}
