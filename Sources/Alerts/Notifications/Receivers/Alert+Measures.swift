// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import TimeSeries

extension Alert {
    /// What the rules measured, as payloads and the API show it beside Alertmanager's members; nothing for alerts of others.
    func writeMeasures(to json: inout JSONWriter, isResolved: Bool, at now: Timestamp) {
        if let value { json.member("value", value) }
        if isResolved, let valueAtResolve { json.member("valueAtResolve", valueAtResolve) }
        if let peak { json.member("peak", peak) }
        let end = isResolved ? endsAt ?? now : now
        json.member("durationSeconds", max((end - startsAt).inSeconds, 0))
        if isStale { json.member("stale", true) }
        if !query.isEmpty { json.member("query", query) }
        if !series.isEmpty { json.member("series", array: series) { $0.string($1) } }
    }
}
