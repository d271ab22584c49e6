// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Series and expressions at the edges of the language: extreme numbers, NaN everywhere, broken histograms, odd labels,
/// parameters out of range.
enum EdgeCases {
    static let series: [DifferentialSeries] = constants + moving + histograms + labelled

    private static func every(_ value: Double) -> [Double?] {
        [Double?](repeating: value, count: DifferentialSeries.count)
    }

    private static func cycle(_ values: [Double?]) -> [Double?] {
        (0..<DifferentialSeries.count).map { values[$0 % values.count] }
    }

    private static let extremes: [(String, Double)] = [
        ("nan", .nan), ("inf", .infinity), ("minusinf", -.infinity), ("zero", 0), ("minuszero", -0.0),
        ("huge", .greatestFiniteMagnitude), ("tiny", 2.5e-308),
        ("one", 1), ("minusone", -1), ("tenth", 0.1), ("half", 0.5), ("minushalf", -2.5), ("large", 1e20),
        ("long", 123_456_789.125),
    ]

    private static let constants: [DifferentialSeries] = {
        var all = extremes.map { DifferentialSeries(name: "edge", labels: [("v", $0.0)], values: every($0.1)) }
        for (name, label, value) in [
            ("same", "a", 7), ("same", "b", 7), ("same", "c", 7), ("one", "a", 1), ("two", "a", 2),
            ("onlynan", "a", .nan), ("onlynan", "b", .nan),
        ] as [(String, String, Double)] {
            all.append(DifferentialSeries(name: name, labels: [("i", label)], values: every(value)))
        }
        return all
    }()

    private static let cycles: [(String, [Double?])] = [
        ("plain", [1, 2, 3, 4, 5, 6, 7]), ("withnan", [1, .nan, 3, 2, .nan]), ("nanfirst", [.nan, 1, 2, 3]),
        ("withinf", [1, 2, .infinity, 3]), ("bothinf", [1, .infinity, -.infinity, 3]), ("allnan", [.nan]),
        ("constant", [4]), ("zeros", [0, -0.0]), ("large", [1e300, 1.5e300, -1e300, 1e10]),
        ("overflowing", [1.6e308, 1.7e308]), ("small", [1e-300, 2e-300, 3e-305]), ("falling", [9, 7, 5, 3, 1]),
        ("saw", [1, 100, 0, 50, 2]), ("sparse", [1, nil, nil, nil, nil, nil, nil, 2, nil, nil]),
        ("negative", [-3, -2, -1, -5]),
    ]
    private static let moving: [DifferentialSeries] = cycles.map { name, values in
        DifferentialSeries(name: "moving", labels: [("k", name)], values: cycle(values))
    }

    /// Bounds and counts by `h`.
    private static let buckets: [(String, [(String, Double)])] = [
        ("good", [("0.1", 1), ("0.5", 4), ("1", 9), ("+Inf", 10)]), ("empty", [("0.1", 0), ("1", 0), ("+Inf", 0)]),
        ("noinf", [("0.1", 1), ("1", 4)]), ("onlyinf", [("+Inf", 4)]), ("nole", [("", 4), ("+Inf", 5)]),
        ("text", [("abc", 4), ("1", 2), ("+Inf", 5)]), ("twice", [("1", 3), ("1.0", 4), ("+Inf", 9)]),
        ("negative", [("-2", 3), ("-1", 5), ("0", 6), ("3", 8), ("+Inf", 8)]), ("below", [("-1", 4), ("+Inf", 4)]),
        ("zerobound", [("0", 4), ("1", 5), ("+Inf", 6)]), ("allinlast", [("1", 0), ("2", 0), ("+Inf", 6)]),
        ("fraction", [("1", 0.25), ("2", 0.5), ("+Inf", 0.75)]), ("nan", [("1", .nan), ("2", .nan), ("+Inf", .nan)]),
        ("infinite", [("1", 1), ("2", .infinity), ("+Inf", .infinity)]),
        ("exponent", [("1e-3", 2), ("1E3", 4), ("+Inf", 4)]),
        ("minusinf", [("-Inf", 1), ("1", 4), ("+Inf", 6)]), ("flat", [("1", 5), ("2", 5), ("3", 5), ("+Inf", 5)]),
        ("lowercase", [("1", 5), ("inf", 7)]), ("signed", [("+1", 5), ("+2", 7), ("+Inf", 8)]),
    ]
    private static let histograms: [DifferentialSeries] = buckets.flatMap { name, buckets in
        buckets.map { bound, count -> DifferentialSeries in
            let bounds = bound.isEmpty ? [] : [("le", bound)]
            return DifferentialSeries(name: "h_bucket", labels: [("h", name)] + bounds, values: every(count))
        }
    }

    private static let labelLists: [[(String, String)]] = [
        [("src", "source-value-10")], [("src", "source-value-20"), ("dst", "original")], [("src", "a.b.c")],
        [("src", "héllo wörld")], [("src", "(x)$1")], [("dst", "only")], [("src", "A"), ("dst", "a")], [("src", "10")],
        [("src", "9")],
    ]
    private static let labelled: [DifferentialSeries] = labelLists.enumerated().map { index, labels in
        DifferentialSeries(name: "lab", labels: [("n", "\(index)")] + labels, values: every(Double(index)))
    }

    private static let elementwise = [
        "abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sgn", "sin", "cos", "tan", "asin", "acos",
        "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "deg", "rad", "round", "day_of_week",
        "day_of_month", "day_of_year", "days_in_month", "hour", "minute", "month", "year", "timestamp", "absent",
        "scalar", "sort", "sort_desc", "-", "+",
    ]
    private static let overTime = [
        "sum_over_time", "avg_over_time", "min_over_time", "max_over_time", "count_over_time", "last_over_time",
        "stddev_over_time", "stdvar_over_time", "present_over_time", "absent_over_time", "changes", "resets", "deriv",
        "delta", "idelta", "irate",
    ]
    private static let operators = ["+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">="]
    private static let numbers = ["0", "-0", "NaN", "Inf", "-Inf", "0.5", "-2", "3", "1e308", "2.5e-308"]
    private static let shares = ["NaN", "-1", "0", "0.3", "1", "1.1", "Inf", "-Inf", "1e-9", "0.999999999"]

    private static let aggregated = [
        "edge", "edge{v!~\"nan|.*inf\"}", "edge{v=~\"huge|large|one\"}", "edge{v=~\"nan|one\"}",
        "edge{v=~\".*inf\"}", "edge{v=\"inf\"}", "onlynan", "edge{v=\"nope\"}", "edge{v=~\".*zero\"}",
        "edge{v=~\"huge|minusinf\"}", "edge{v=~\"tenth|long|large\"}",
    ]
    private static let ranked = ["edge", "same", "edge{v=~\"nan|one|half\"}", "edge{v=\"nope\"}"]

    /// What stands for `#` in them takes each value of a list.
    private static let patterns: [(values: [String], expressions: [String])] = [
        (elementwise, ["#(edge)"]),
        (overTime, ["1m", "5m", "16s", "1s", "20m"].map { "#(moving[\($0)])" }),
        (operators, ["edge # on (v) edge", "edge # ignoring (v) group_left one", "one # on (i) two"]),
        (operators, ["two # ignoring () one"] + numbers.flatMap { ["edge # \($0)", "\($0) # edge"] }),
        (Array(operators.suffix(6)), numbers.flatMap { ["edge # bool \($0)", "NaN # bool \($0)"] }),
        (Array(operators.prefix(6)), numbers.flatMap { left in numbers.map { "\(left) # \($0)" } }),
        (
            ["sum", "avg", "min", "max", "count", "stddev", "stdvar", "group"],
            aggregated.flatMap { ["#(\($0))", "# by (v) (\($0))", "# without (v) (\($0))"] }
        ),
        (
            shares,
            [
                "quantile(#, edge)", "quantile(#, edge{v!~\"nan|.*inf\"})", "quantile(#, onlynan)",
                "quantile by (v) (#, edge)", "quantile_over_time(#, moving[3m])", "histogram_quantile(#, h_bucket)",
                "quantile(#, edge{v=\"one\"})", "quantile(#, edge{v=\"nope\"})",
                "histogram_quantile(#, sum by (le) (h_bucket{h=~\"good|flat\"}))", "histogram_quantile(#, edge)",
                "histogram_quantile(#, h_bucket * 1e300)",
            ]
        ),
        (
            ["1", "2", "3", "0", "-1", "1.9", "100", "1e9", "-1e9"],
            ranked.flatMap { ["topk(#, \($0))", "bottomk(#, \($0))", "topk by (v) (#, \($0))"] }
        ),
        (["NaN", "Inf", "1e20"], ["topk(#, same)", "bottomk(#, same)"]),
        (
            numbers,
            [
                "clamp_min(edge, #)", "clamp_max(edge, #)", "round(edge, #)", "clamp(edge, 0, #)", "clamp(edge, #, 3)",
                "vector(#)", "-#", "+#", "scalar(edge{v=\"one\"}) * #", "edge and on () vector(#)",
                "predict_linear(moving[5m] offset 1m, #)",
            ]
        ),
        (
            ["5m:7s", "5m:1m", "1m:5m", "10m:13s", "1h:30m", "30s:30s", "61s:20s", "2m:100ms"],
            [
                "max_over_time(same[#])", "sum_over_time((time())[#])", "rate(moving[#])",
                "count_over_time((moving > 2)[#])", "avg_over_time(vector(time())[#] offset 7s)",
                "min_over_time(time()[#] @ 1700001000)", "changes((moving{k=\"saw\"})[#] offset -7s)",
            ]
        ),
    ]

    /// Families of expressions, one for each combination.
    static let combined: [String] = patterns.flatMap { values, expressions in
        expressions.flatMap { expression in
            values.map { expression.replacingOccurrences(of: "#", with: $0) }
        }
    }
}
