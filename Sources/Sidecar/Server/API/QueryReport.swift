// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import PromQL

/// What a query cost, for those who ask: `stats` in Prometheus's form, `explain` in ours.
struct QueryReport {
    let statistics: QueryStatistics
    let plan: QueryPlan
    /// From the moment that the query was accepted to its result, and the part of it spent evaluating.
    let total: Duration
    let evaluation: Duration

    /// The member `stats` of Prometheus's answer.
    func writeStatistics(to json: inout JSONWriter) {
        json.member("stats") { json in
            json.member("timings") {
                $0.member("evalTotalTime", evaluation / .seconds(1))
                $0.member("resultSortTime", 0.0)
                $0.member("queryPreparationTime", 0.0)
                $0.member("innerEvalTime", evaluation / .seconds(1))
                $0.member("execQueueTime", (total - evaluation) / .seconds(1))
                $0.member("execTotalTime", total / .seconds(1))
            }
            json.member("samples") {
                $0.member("totalQueryableSamples", statistics.samples)
                $0.member("peakSamples", statistics.peakSamples)
            }
        }
    }

    /// The member `explain`: the plan, and what each selector found.
    func writeExplanation(to json: inout JSONWriter) {
        json.member("explain") { json in
            json.member("plan") { Self.write(plan, to: &$0) }
            json.member("seconds", evaluation / .seconds(1))
            json.member("series", statistics.series)
            json.member("samples", statistics.samples)
            json.member("peakSamples", statistics.peakSamples)
            json.member("selectors", array: statistics.selectors) { json, selector in
                json.object {
                    $0.member("selector", selector.text)
                    $0.member("series", selector.series)
                    $0.member("samples", selector.samples)
                }
            }
            json.member("matchedNothing", array: statistics.emptySelectors) { $0.string($1.text) }
        }
    }

    private static func write(_ plan: QueryPlan, to json: inout JSONWriter) {
        json.member("expression", plan.text)
        json.member("evaluation", plan.method.rawValue)
        if !plan.inputs.isEmpty {
            json.member("inputs", array: plan.inputs) { json, input in json.object { write(input, to: &$0) } }
        }
    }
}
