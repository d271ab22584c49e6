// SPDX-License-Identifier: Apache-2.0

import PromQL
import Testing
import TimeSeries

/// Values to the last digit, as Prometheus gives them.
@Suite struct FunctionValueTests {
    private static func value(_ text: String) throws -> Double? {
        let reader = TimeSeriesStore().reader()
        let result = try QueryEngine().instant(try parse(text), at: Timestamp(milliseconds: 1_000), reader: reader)
        guard case .vector(let samples) = result.value, case .float(let value)? = samples.first?.value else {
            return nil
        }
        return value
    }

    @Test(
        arguments: [
            ("10", 1), ("1000", 3), ("1e5", 5), ("1e6", 6), ("0.001", -3), ("7", 0.8450980400142568), ("1", 0),
        ] as [(String, Double)]
    )
    func `decimal logarithms of powers of ten are whole`(argument: String, expected: Double) throws {
        #expect(try Self.value("log10(vector(\(argument)))") == expected)
    }

    @Test(
        arguments: [("10", 3.321928094887362), ("0.3", -1.736965594166206), ("8", 3), ("0.25", -2)]
            as [(String, Double)]
    )
    func `binary logarithms`(argument: String, expected: Double) throws {
        #expect(try Self.value("log2(vector(\(argument)))") == expected)
    }

    @Test(arguments: ["1e30", "Inf", "-Inf", "NaN", "-1e30", "-9.3e18"])
    func `times that no calendar has are where Go's calendar ends`(argument: String) throws {
        let expected: [(String, Double)] = [
            ("year", 292_277_026_596), ("month", 12), ("day_of_month", 4), ("day_of_week", 0), ("day_of_year", 339),
            ("days_in_month", 31), ("hour", 15), ("minute", 30),
        ]
        for (function, value) in expected {
            #expect(try Self.value("\(function)(vector(\(argument)))") == value, "\(function)")
        }
    }

    @Test func `errors show series with the name among the labels`() throws {
        let store = TimeSeriesStore()
        let appender = store.appender(source: "target")
        for index in ["a", "b"] { appender.append(try appender.series(["__name__": "up", "i": index]), 1) }
        _ = try appender.commit(at: Timestamp(milliseconds: 1_000))
        let words =
            "found duplicate series for the match group {} on the right hand-side of the operation: "
            + #"[{__name__="up", i="b"}, {__name__="up", i="a"}];many-to-many matching not allowed: "#
            + "matching labels must be unique on one side"
        #expect(throws: QueryError.execution(words)) {
            _ = try QueryEngine().instant(
                try parse("up + on () up"),
                at: Timestamp(milliseconds: 1_000),
                reader: store.reader()
            )
        }
    }
}
