// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Every function of the language, as data.
enum FunctionTable {
    static let entries: [Function] = elementwise + overTime + calendar + histograms + scalars + others

    private static func entry(
        _ name: String,
        _ types: [ValueType],
        _ implementation: FunctionImplementation,
        variadic: Int = 0,
        returns: ValueType = .instantVector,
        experimental: Bool = false
    ) -> Function {
        Function(
            name: name,
            argumentTypes: types,
            variadic: variadic,
            returnType: returns,
            isExperimental: experimental,
            implementation: implementation
        )
    }

    private static func element(_ name: String, _ body: @escaping @Sendable (Double) -> Double) -> Function {
        entry(name, [.instantVector], .elementwise(body))
    }

    private static let elementwise: [Function] = [
        element("abs") { $0.magnitude },
        element("ceil") { $0.rounded(.up) },
        element("floor") { $0.rounded(.down) },
        element("exp") { exp($0) },
        element("sqrt") { $0.squareRoot() },
        element("ln") { log($0) },
        element("log2") { GoMath.log2($0) },
        element("log10") { GoMath.log10($0) },
        element("sin") { sin($0) },
        element("cos") { cos($0) },
        element("tan") { tan($0) },
        element("asin") { asin($0) },
        element("acos") { acos($0) },
        element("atan") { atan($0) },
        element("sinh") { sinh($0) },
        element("cosh") { cosh($0) },
        element("tanh") { tanh($0) },
        element("asinh") { asinh($0) },
        element("acosh") { acosh($0) },
        element("atanh") { atanh($0) },
        element("rad") { $0 * Double.pi / 180 },
        element("deg") { $0 * 180 / Double.pi },
        element("sgn") { $0 < 0 ? -1 : $0 > 0 ? 1 : $0 },
    ]

    private static func range(_ name: String, _ function: RangeFunction, experimental: Bool = false) -> Function {
        entry(name, [.rangeVector], .overTime(function), experimental: experimental)
    }

    private static let overTime: [Function] = [
        range("rate", .rate), range("increase", .increase), range("delta", .delta), range("irate", .irate),
        range("idelta", .idelta), range("deriv", .deriv), range("resets", .resets), range("changes", .changes),
        range("sum_over_time", .sum), range("avg_over_time", .avg), range("min_over_time", .min),
        range("max_over_time", .max), range("count_over_time", .count), range("last_over_time", .last),
        range("present_over_time", .present), range("absent_over_time", .absent),
        range("stddev_over_time", .stddev), range("stdvar_over_time", .stdvar),
        range("first_over_time", .first, experimental: true),
        range("mad_over_time", .mad, experimental: true),
        range("ts_of_first_over_time", .timeOfFirst, experimental: true),
        range("ts_of_last_over_time", .timeOfLast, experimental: true),
        range("ts_of_min_over_time", .timeOfMin, experimental: true),
        range("ts_of_max_over_time", .timeOfMax, experimental: true),
        entry("predict_linear", [.rangeVector, .scalar], .overTime(.predictLinear)),
        entry("quantile_over_time", [.scalar, .rangeVector], .overTime(.quantile)),
        entry(
            "double_exponential_smoothing",
            [.rangeVector, .scalar, .scalar],
            .overTime(.doubleExponentialSmoothing),
            experimental: true
        ),
    ]

    private static func date(_ name: String, _ field: CalendarField) -> Function {
        entry(name, [.instantVector], .calendar(field), variadic: 1)
    }

    private static let calendar: [Function] = [
        date("minute", .minute), date("hour", .hour), date("day_of_week", .dayOfWeek),
        date("day_of_month", .dayOfMonth), date("day_of_year", .dayOfYear), date("days_in_month", .daysInMonth),
        date("month", .month), date("year", .year),
    ]

    private static func statistic(_ name: String, _ statistic: HistogramStatistic) -> Function {
        entry(name, [.instantVector], .histogramStatistic(statistic))
    }

    private static let histograms: [Function] = [
        statistic("histogram_count", .count), statistic("histogram_sum", .sum), statistic("histogram_avg", .average),
        statistic("histogram_stddev", .deviation), statistic("histogram_stdvar", .variance),
        entry("histogram_quantile", [.scalar, .instantVector], .special(.histogramQuantile)),
        entry("histogram_fraction", [.scalar, .scalar, .instantVector], .special(.histogramFraction)),
        entry(
            "histogram_quantiles",
            [.instantVector, .string, .scalar, .scalar],
            .special(.histogramQuantiles),
            variadic: 9,
            experimental: true
        ),
    ]

    private static func number(
        _ name: String,
        _ source: ScalarSource,
        _ types: [ValueType] = [],
        experimental: Bool = true
    ) -> Function {
        entry(name, types, .scalarValue(source), returns: .scalar, experimental: experimental)
    }

    private static let scalars: [Function] = [
        number("time", .time, experimental: false), number("pi", .pi, experimental: false),
        number("start", .start), number("end", .end), number("step", .step), number("range", .range),
        number("min_of", .smaller, [.scalar, .scalar]), number("max_of", .larger, [.scalar, .scalar]),
    ]

    private static let others: [Function] = [
        entry("absent", [.instantVector], .special(.absent)),
        entry("clamp", [.instantVector, .scalar, .scalar], .special(.clamp)),
        entry("clamp_min", [.instantVector, .scalar], .special(.clampMin)),
        entry("clamp_max", [.instantVector, .scalar], .special(.clampMax)),
        entry("round", [.instantVector, .scalar], .special(.round), variadic: 1),
        entry("scalar", [.instantVector], .special(.scalar), returns: .scalar),
        entry("vector", [.scalar], .special(.vector)),
        entry("timestamp", [.instantVector], .special(.timestamp)),
        entry("sort", [.instantVector], .special(.sort)),
        entry("sort_desc", [.instantVector], .special(.sortDescending)),
        entry("sort_by_label", [.instantVector, .string], .special(.sortByLabel), variadic: -1, experimental: true),
        entry(
            "sort_by_label_desc",
            [.instantVector, .string],
            .special(.sortByLabelDescending),
            variadic: -1,
            experimental: true
        ),
        entry("label_replace", [.instantVector, .string, .string, .string, .string], .special(.labelReplace)),
        entry("label_join", [.instantVector, .string, .string, .string], .special(.labelJoin), variadic: -1),
        entry("info", [.instantVector, .instantVector], .special(.info), variadic: 1, experimental: true),
    ]
}
