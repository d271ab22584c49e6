// SPDX-License-Identifier: Apache-2.0

import AlertRules
import JSONDocument
import TimeSeries

/// Alerts as our own API shows them, with what Prometheus's does not say of them.
enum AlertJSON {
    /// Members beside those that Prometheus has.
    static func measures(of alert: AlertSnapshot, to json: inout JSONWriter) {
        if let time = alert.firedAt { json.member("firedAt", TimeText.rfc3339(time)) }
        if let time = alert.resolvedAt { json.member("resolvedAt", TimeText.rfc3339(time)) }
        if let time = alert.heldSince { json.member("heldSince", TimeText.rfc3339(time)) }
        if let value = alert.valueAtResolve { json.member("valueAtResolve", value) }
        json.member("peak", alert.peak)
        if alert.isFlapping { json.member("flapping", true) }
        if let name = alert.suppressedBy { json.member("suppressedBy", name) }
        json.member("expression", alert.expression)
        json.member("generatorURL", alert.generatorURL)
        json.member("series", array: alert.series) { $0.string($1) }
    }

    /// Why an alert fires or does not.
    static func write(_ explanation: AlertExplanation, to json: inout JSONWriter) {
        json.object {
            $0.member("alertname", explanation.rule)
            $0.member("group", explanation.group)
            $0.member("state", explanation.alert?.state.rawValue ?? "inactive")
            if let alert = explanation.alert {
                $0.key("labels")
                ResultJSON.labels(alert.labels, to: &$0)
                $0.member("value", alert.value)
                $0.member("activeAt", TimeText.rfc3339(alert.activeAt))
                if let since = alert.keepFiringSince { $0.member("keepFiringSince", TimeText.rfc3339(since)) }
                measures(of: alert, to: &$0)
            } else {
                $0.member("expression", explanation.expression)
            }
            if let threshold = explanation.threshold { $0.member("threshold", threshold) }
            if let rest = explanation.remaining { $0.member("firesInSeconds", rest / .seconds(1)) }
            if let rest = explanation.holdRemaining { $0.member("heldForSeconds", rest / .seconds(1)) }
            if let error = explanation.lastError { $0.member("lastError", error) }
            $0.member("current", array: explanation.currentValues) { json, sample in
                json.object {
                    $0.key("labels")
                    ResultJSON.labels(sample.labels, to: &$0)
                    $0.member("value", sample.number)
                }
            }
            $0.member("sources", array: explanation.sources) { json, source in
                json.object {
                    $0.member("series", source.labels.description)
                    switch source.state {
                    case .live: $0.member("state", "live")
                    case .ahead: $0.member("state", "clock set back")
                    case .lost(let targetFailed): $0.member("state", targetFailed ? "target down" : "ended")
                    }
                }
            }
            $0.member("explanation", array: explanation.sentences) { $0.string($1) }
        }
    }
}
