// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import JSONDocument
import PromQL

/// `/api/v1/features`: what this server can do, in Prometheus's categories and names.
struct FeatureRoutes: Sendable {
    /// What is switched on of the language.
    let features: FeatureSet

    func register(on router: some RouterMethods<BasicRequestContext>) {
        router.get("/api/v1/features") { _, _ in
            Response.success { json in
                json.object {
                    for (category, entries) in categories {
                        $0.member(
                            category,
                            object: { json in
                                for (name, isOn) in entries.sorted(by: { $0.0 < $1.0 }) { json.member(name, isOn) }
                            }
                        )
                    }
                }
            }
        }
    }

    private var categories: [(String, [(String, Bool)])] {
        let hasExperiments = features.contains(.experimentalFunctions)
        let functions = Function.all.map { ($0.name, !$0.isExperimental || hasExperiments) }
        return [
            ("api", Self.on(["exclude_alerts"]) + [("admin", false)]),
            ("promql", language),
            ("promql_functions", functions),
            ("promql_operators", operators(hasExperiments)),
            ("rules", Self.on(["keep_firing_for", "query_offset"])),
            ("service_discovery_providers", Self.on(["dns", "file", "static"])),
        ]
    }

    private var language: [(String, Bool)] {
        Self.on([
            "at_modifier", "bool", "by", "group_left", "group_right", "ignoring", "negative_offset", "offset", "on",
            "per_query_lookback_delta", "subqueries", "without",
        ]) + [
            ("anchored", features.contains(.extendedRangeSelectors)),
            ("delayed_name_removal", features.contains(.delayedNameRemoval)),
            ("duration_expr", features.contains(.durationExpressions)),
            ("fill", features.contains(.fillModifiers)), ("fill_left", features.contains(.fillModifiers)),
            ("fill_right", features.contains(.fillModifiers)),
            ("smoothed", features.contains(.extendedRangeSelectors)),
            ("type_and_unit_labels", features.contains(.typeAndUnitLabels)),
        ]
    }

    private func operators(_ hasExperiments: Bool) -> [(String, Bool)] {
        Self.on([
            "!=", "!~", "%", "*", "+", "-", "/", "<", "<=", "==", "=~", ">", ">=", "@", "^", "and", "atan2", "avg",
            "bottomk", "count", "count_values", "group", "max", "min", "or", "quantile", "stddev", "stdvar", "sum",
            "topk", "unless",
        ]) + [("limit_ratio", hasExperiments), ("limitk", hasExperiments)]
    }

    private static func on(_ names: [String]) -> [(String, Bool)] { names.map { ($0, true) } }
}
