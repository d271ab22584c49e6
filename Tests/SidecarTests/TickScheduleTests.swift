// SPDX-License-Identifier: Apache-2.0

import SidecarServer
import Testing
import TimeSeries

@Suite struct TickScheduleTests {
    @Test func `members of one interval share their ticks, and a longer interval's ticks coincide with them`() {
        var schedule = TickSchedule<String>(epoch: .seconds(100))
        schedule.add("fast", interval: .seconds(1), at: .seconds(100))
        schedule.add("also", interval: .seconds(1), at: .seconds(100))
        schedule.add("slow", interval: .seconds(3), at: .seconds(100))
        var seen: [Duration: [String]] = [:]
        var now = Duration.seconds(100)
        while now < .seconds(107) {
            while let tick = schedule.advance(to: now) { seen[tick.at - .seconds(100)] = tick.due }
            now += .milliseconds(10)
        }
        #expect(seen[.zero] == ["fast", "also", "slow"])
        #expect(seen[.seconds(1)] == ["fast", "also"])
        #expect(seen[.seconds(3)] == ["fast", "also", "slow"])
        #expect(seen.count == 7)
    }

    @Test func `a pause is one tick and the rest is counted`() throws {
        var schedule = TickSchedule<String>(epoch: .zero)
        schedule.add("a", interval: .seconds(1), at: .zero)
        #expect(schedule.advance(to: .zero)?.missed == [:])
        let late = schedule.advance(to: .milliseconds(5_400))
        let tick = try #require(late)
        #expect(tick.at == .seconds(5))
        #expect(tick.missed == ["a": 4])
        #expect(schedule.nextTick == .seconds(6))
        #expect(schedule.advance(to: .milliseconds(5_900)) == nil)
    }

    @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6, 7, 8])
    func `no tick is early, lost or doubled, whatever the loop's delays`(seed: UInt64) {
        var random = seed &* 0x9e37_79b9_7f4a_7c15
        func next(_ bound: UInt64) -> UInt64 {
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            return random % bound
        }
        var schedule = TickSchedule<Int>(epoch: .zero)
        let intervals: [Duration] = [.milliseconds(250), .seconds(1), .seconds(5)]
        for (index, interval) in intervals.enumerated() { schedule.add(index, interval: interval, at: .zero) }
        var ran = [Int64](repeating: 0, count: intervals.count)
        var missed = [Int64](repeating: 0, count: intervals.count)
        var now = Duration.zero
        for _ in 0..<2_000 {
            now += .milliseconds(Int64(next(700)))
            guard let tick = schedule.advance(to: now) else { continue }
            #expect(tick.at <= now, "seed \(seed)")
            for member in tick.due { ran[member] += 1 }
            for (member, count) in tick.missed { missed[member] += count }
        }
        for (index, interval) in intervals.enumerated() {
            let expected = Int64((now / interval).rounded(.down)) + 1
            #expect(ran[index] + missed[index] == expected, "seed \(seed), interval \(interval)")
        }
    }

    @Test func `timestamps keep the grid while the clock runs evenly and follow it when it was set`() {
        var timestamps = TickTimestamps()
        func at(_ tick: Int64, wall: Int64, late: Int64 = 0) -> Int64 {
            timestamps.timestamp(
                of: .milliseconds(tick),
                wall: Timestamp(milliseconds: wall),
                late: .milliseconds(late)
            ).milliseconds
        }
        #expect(at(0, wall: 1_000_003, late: 3) == 1_000_000)
        #expect(at(1_000, wall: 1_001_004) == 1_001_000)
        #expect(at(2_000, wall: 1_002_049, late: 40) == 1_002_000)
        #expect(at(3_000, wall: 5_003_000) == 5_003_000)
        #expect(at(4_000, wall: 5_004_010) == 5_004_000)
        // A little back: never a timestamp that is not newer.
        #expect(at(5_000, wall: 5_003_000) == 5_004_001)
        #expect(at(6_000, wall: 5_004_000) == 5_004_002)
        #expect(timestamps.jumps == 2)
        // Set back, as the store takes it: the new time counts.
        #expect(at(7_000, wall: 1_007_000) == 1_007_000)
        #expect(at(8_000, wall: 1_008_000) == 1_008_000)
        #expect(timestamps.jumps == 3)
        #expect(at(9_000, wall: .max, late: -5) > 5_004_002)
    }

    @Test func `an evaluation waits for its inputs, once`() {
        var barrier = EvaluationBarrier<String>()
        #expect(barrier.begin(tick: .seconds(1), inputs: ["a", "b"]) == false)
        #expect(barrier.finish("x") == .late)
        #expect(barrier.finish("a") == .none)
        #expect(barrier.finish("a") == .late)
        #expect(barrier.finish("b") == .evaluate)
        #expect(barrier.expire(tick: .seconds(1)) == false)
        #expect(barrier.begin(tick: .seconds(2), inputs: ["a", "b"]) == false)
        #expect(barrier.expire(tick: .seconds(1)) == false)
        #expect(barrier.expire(tick: .seconds(2)) == true)
        #expect(barrier.finish("a") == .late)
        #expect(barrier.begin(tick: .seconds(3), inputs: []) == true)
    }
}
