// SPDX-License-Identifier: Apache-2.0

import Calendar
import TestSupport
import Testing

@Suite struct CivilTimeTests {
    @Test(
        arguments: [
            (0, CivilTime(year: 1970, month: 1, day: 1), 4),
            (951_782_399, CivilTime(year: 2000, month: 2, day: 28, hour: 23, minute: 59, second: 59), 1),
            (951_782_400, CivilTime(year: 2000, month: 2, day: 29), 2),
            (-1, CivilTime(year: 1969, month: 12, day: 31, hour: 23, minute: 59, second: 59), 3),
            (4_107_542_400, CivilTime(year: 2100, month: 3, day: 1), 1),
        ] as [(Int64, CivilTime, Int)]
    )
    func knownTimes(unixSeconds: Int64, time: CivilTime, weekday: Int) {
        #expect(CivilTime(unixSeconds: unixSeconds) == time)
        #expect(time.unixSeconds == unixSeconds)
        #expect(time.weekday == weekday)
    }

    @Test func theWayThereAndBack() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<20_000 {
            let seconds = Int64.random(in: -62_167_219_200...253_402_300_799, using: &random)
            #expect(CivilTime(unixSeconds: seconds).unixSeconds == seconds)
        }
        #expect(CivilTime(unixSeconds: .max).year == 9_999 && CivilTime(unixSeconds: .min).year == 0)
    }
}
