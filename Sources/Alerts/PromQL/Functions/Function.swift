// SPDX-License-Identifier: Apache-2.0

/// The signature of a function; what it computes stands with the evaluator.
package struct Function: Sendable, Hashable {
    package let name: String
    package let argumentTypes: [ValueType]
    /// Arguments that may follow the last type, or be missing: 0 none, -1 any number.
    package let variadic: Int
    package let returnType: ValueType
    package let isExperimental: Bool
    let implementation: FunctionImplementation

    /// The function of that name; nil for an unknown one. Names are lower case.
    package static func named(_ name: String) -> Function? { table[name] }

    /// All functions by name.
    package static let all: [Function] = table.values.sorted { $0.name < $1.name }

    package static func == (left: Function, right: Function) -> Bool { left.name == right.name }
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }

    private static let table: [String: Function] = {
        var table: [String: Function] = [:]
        for entry in FunctionTable.entries { table[entry.name] = entry }
        return table
    }()
}

/// How the evaluator goes about a function.
enum FunctionImplementation: Sendable {
    /// One float in, one float out; histograms are left out, the name goes.
    case elementwise(@Sendable (Double) -> Double)
    /// A function of the samples in a range.
    case overTime(RangeFunction)
    /// Takes a date apart; without an argument the evaluation time is taken.
    case calendar(CalendarField)
    /// One number of a native histogram.
    case histogramStatistic(HistogramStatistic)
    /// One number at each step.
    case scalarValue(ScalarSource)
    case special(SpecialFunction)
}

enum RangeFunction: String, Sendable {
    case rate, increase, delta, irate, idelta, deriv, resets, changes
    case predictLinear = "predict_linear"
    case doubleExponentialSmoothing = "double_exponential_smoothing"
    case sum, avg, min, max, count, last, first, present, absent, mad, quantile, stddev, stdvar
    case timeOfFirst, timeOfLast, timeOfMin, timeOfMax
}

enum CalendarField: Sendable {
    case minute, hour, dayOfWeek, dayOfMonth, dayOfYear, daysInMonth, month, year
}

enum HistogramStatistic: Sendable { case count, sum, average, deviation, variance }

enum ScalarSource: Sendable { case time, pi, start, end, step, range, smaller, larger }

enum SpecialFunction: Sendable {
    case absent, clamp, clampMin, clampMax, round, scalar, vector, timestamp, sort, sortDescending, sortByLabel
    case sortByLabelDescending, labelReplace, labelJoin, info
    case histogramQuantile, histogramQuantiles, histogramFraction
}
