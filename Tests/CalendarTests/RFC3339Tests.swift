// SPDX-License-Identifier: Apache-2.0

import Calendar
import TestSupport
import Testing

@Suite struct RFC3339Tests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            (1_788_256_800_250, "2026-09-01T10:00:00.25Z", "2026-09-01T10:00:00.250Z"),
            (-1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
            (951_782_400_007, "2000-02-29T00:00:00.007Z", "2000-02-29T00:00:00.007Z"),
        ] as [(Int64, String, String)]
    )
    func knownMoments(milliseconds: Int64, shortest: String, padded: String) {
        #expect(RFC3339.text(milliseconds) == shortest)
        #expect(RFC3339.text(milliseconds, fraction: .milliseconds) == padded)
        #expect(RFC3339.milliseconds(shortest) == milliseconds)
        #expect(RFC3339.milliseconds(padded) == milliseconds)
    }

    @Test func offsetsAndFurtherDigitsAreRead() {
        #expect(RFC3339.milliseconds("2026-09-01T12:30:00.123456+02:30") == 1_788_256_800_123)
        #expect(RFC3339.milliseconds("2026-09-01t09:00:00-01:00") == 1_788_256_800_000)
    }

    @Test func bordersAreKept() {
        #expect(RFC3339.text(.min) == "0001-01-01T00:00:00Z")
        #expect(RFC3339.text(.max) == "9999-12-31T23:59:59.999Z")
    }

    @Test(
        arguments: [
            "", "2026", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx", "0000-01-01T00:00:00Z", "2026-01-01T00:00:00+25:00",
        ]
    )
    func whatIsNoneIsRefused(text: String) {
        #expect(RFC3339.milliseconds(text) == nil)
    }

    @Test func everyMomentComesBack() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let moment = Int64.random(in: -62_135_596_800_000...253_402_300_799_999, using: &random)
            #expect(RFC3339.milliseconds(RFC3339.text(moment)) == moment, "seed \(seed)")
        }
    }
}
