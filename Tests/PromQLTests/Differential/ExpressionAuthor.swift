// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// Writes random expressions over the series of the differential run.
struct ExpressionAuthor {
    var generator: SeededGenerator
    /// The steps of a subquery would fall on the borders of one inside it.
    var isInSubquery = false

    mutating func pick(_ choices: [String]) -> String { choices.randomElement(using: &generator) ?? "" }
    mutating func chance(_ share: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < share }

    mutating func selector() -> String {
        let name = pick(["requests_total", "load", "limit", "requests_total", "load", "latency_bucket"])
        let matcher = pick([
            "", "{job=\"api\"}", "{instance=~\"a|b\"}", "{instance!=\"c\"}", "{job!~\"w.*\",instance=~\".+\"}",
            "{route=\"/x\"}", "{nope=\"\"}",
        ])
        return name + matcher
    }

    mutating func suffix() -> String {
        guard chance(25) else { return "" }
        return pick([
            " offset 1m", " offset -2m", " @ 1700001200.007", " offset 90s", " @ end()", " @ start() offset 1m",
        ])
    }

    mutating func range() -> String {
        if !isInSubquery, chance(20) {
            isInSubquery = true
            defer { isInSubquery = false }
            return "(" + vector(1) + ")[\(pick(["5m:1m", "3m:30s", "10m:", "4m:45s"]))]"
        }
        return selector() + "[\(pick(["1m", "5m", "2m30s", "12m", "40s"]))]" + suffix()
    }

    /// The range of a counter, for functions that think of its zero.
    mutating func counterRange() -> String {
        let name = pick(["requests_total", "latency_bucket", "requests_total{job=\"api\"}", "latency_bucket{le=\"1\"}"])
        return name + "[\(pick(["1m", "5m", "2m30s", "12m", "40s"]))]" + suffix()
    }

    mutating func scalar(_ depth: Int) -> String {
        if depth > 0, chance(30) { return "scalar(sum(\(vector(depth - 1))) or vector(1))" }
        return pick(["2", "0.5", "-1", "time()", "100", "1e3", "0", "pi()", "(3 % 2)"])
    }

    mutating func vector(_ depth: Int) -> String {
        guard depth > 0 else { return selector() + suffix() }
        switch Int.random(in: 0..<10, using: &generator) {
        case 0, 1:
            let function = pick([
                "rate", "increase", "delta", "irate", "idelta", "deriv", "resets", "changes", "sum_over_time",
                "avg_over_time", "min_over_time", "max_over_time", "count_over_time", "last_over_time",
                "stddev_over_time", "stdvar_over_time", "present_over_time", "absent_over_time",
            ])
            let isOfCounters = function == "rate" || function == "increase"
            return "\(function)(\(isOfCounters ? counterRange() : range()))"
        case 2: return "predict_linear(\(selector())[5m] offset 1m, \(scalar(0)))"
        case 3: return "quantile_over_time(\(pick(["0.5", "0.9", "0", "1", "0.33"])), \(range()))"
        case 4, 5:
            let function = pick(["sum", "avg", "min", "max", "count", "stddev", "stdvar", "group"])
            let grouping = pick([
                "", " by (job)", " by (job, instance)", " without (instance)", " by (nope)", " without (le)",
            ])
            if chance(20) { return "quantile\(grouping)(\(pick(["0.5", "0.25", "1"])), \(vector(depth - 1)))" }
            if chance(10) { return "count_values\(grouping)(\"value\", \(selector()))" }
            return "\(function)\(grouping)(\(vector(depth - 1)))"
        case 6:
            let function = pick([
                "abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sgn", "-", "+", "sin", "cosh",
                "atan",
                "rad", "day_of_week", "hour", "days_in_month", "timestamp", "absent", "sort", "sort_desc",
            ])
            return "\(function)(\(vector(depth - 1)))"
        case 7:
            let wrapped = vector(depth - 1)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: return "clamp(\(wrapped), \(scalar(0)), \(scalar(0)))"
            case 1: return "round(\(wrapped), \(pick(["1", "0.1", "5", "0.25"])))"
            case 2: return "label_replace(\(wrapped), \"new\", \"$1-x\", \"instance\", \"(.*)\")"
            case 3: return "label_join(\(wrapped), \"joined\", \"-\", \"job\", \"instance\")"
            case 4:
                return "histogram_quantile(\(pick(["0.5", "0.9", "0.99", "2", "-1"])), rate(latency_bucket[5m]))"
            default: return "vector(\(scalar(1)))"
            }
        case 8:
            let operation = pick(["+", "-", "*", "/", "==", "!=", ">", "<", ">=", "<="])
            let isBool = ["==", "!=", ">", "<", ">=", "<="].contains(operation) && chance(40) ? " bool" : ""
            if chance(50) { return "(\(vector(depth - 1))) \(operation)\(isBool) \(scalar(depth - 1))" }
            return "\(scalar(depth - 1)) \(operation)\(isBool) (\(vector(depth - 1)))"
        default:
            let left = vector(depth - 1)
            let right = vector(depth - 1)
            if chance(40) {
                let operation = pick(["and", "or", "unless"])
                let matching = pick(["", " on (job)", " ignoring (instance)", " on (job, instance)", " on ()"])
                return "(\(left)) \(operation)\(matching) (\(right))"
            }
            let operation = pick(["+", "-", "*", "/", "==", ">", "<="])
            let matching = pick([
                "", " on (job, instance)", " ignoring (nope)", " on (job) group_left ()",
                " on (job) group_right ()",
                " ignoring (instance) group_left ()",
            ])
            if chance(40) { return "(\(left)) \(operation) on (job) group_left () sum by (job) (\(right))" }
            return "(\(left)) \(operation)\(matching) (\(right))"
        }
    }
}
