// SPDX-License-Identifier: Apache-2.0

import PromQL
package import YAMLDocument

/// One entry of `slos:`: what share of events has to be good over a window.
package struct ServiceLevelObjective: Sendable {
    package var name: String
    /// As a fraction: 0.999.
    package var objective: Double
    package var window: Duration
    /// Selector of the counter of all events.
    package var total: String
    /// Selector of the counter of good events, or of bad ones.
    package var good: String?
    package var bad: String?
    package var minimumEvents: Double
    package var labels: [(name: String, value: String)]
    package var annotations: [(name: String, value: String)]
    package var pageSeverity: String
    package var ticketSeverity: String
    package let file: String
    package let line: Int

    /// Reads the list under `slos`; faults go to the reader's problems.
    package static func decode(_ parent: YAMLMappingReader, key: String = "slos") -> [ServiceLevelObjective] {
        var names: Set<String> = []
        return (parent.mappings(key) ?? []).compactMap { reader in
            defer { reader.finish() }
            guard let objective = decode(reader) else { return nil }
            if !names.insert(objective.name).inserted {
                reader.problem("name", "\(reader.name("name")) \"\(objective.name)\" is used twice")
            }
            return objective
        }
    }

    private static func decode(_ reader: YAMLMappingReader) -> ServiceLevelObjective? {
        let name = reader.requiredString("name")
        let percent = reader.number("objective", in: 0...100)
        if percent == nil, reader.value("objective") == nil { reader.missing("objective") }
        if let percent, percent <= 0 || percent >= 100 {
            reader.problem(
                "objective",
                "\(reader.name("objective")) must be between 0 and 100, both excluded: 99.9 means 99.9 %"
            )
        }
        let total = selector(reader, "total", required: true)
        let good = selector(reader, "good", required: false)
        let bad = selector(reader, "bad", required: false)
        if (good == nil) == (bad == nil), reader.value("good") == nil || reader.value("bad") != nil {
            reader.problem(nil, "\(reader.path) needs exactly one of good and bad")
        }
        let window = reader.duration("window", atLeast: .seconds(3600)) ?? .seconds(30 * 86_400)
        let minimum = reader.number("min_events", in: 0...1e15) ?? 10
        let labels = reader.stringPairs("labels") ?? []
        let annotations = reader.stringPairs("annotations") ?? []
        let page = reader.string("page_severity") ?? "critical"
        let ticket = reader.string("ticket_severity") ?? "warning"
        guard let name, let percent, percent > 0, percent < 100, let total, (good == nil) != (bad == nil) else {
            return nil
        }
        return ServiceLevelObjective(
            name: name,
            objective: percent / 100,
            window: window,
            total: total,
            good: good,
            bad: bad,
            minimumEvents: minimum,
            labels: labels,
            annotations: annotations,
            pageSeverity: page,
            ticketSeverity: ticket,
            file: reader.file,
            line: reader.node.line
        )
    }

    private static func selector(_ reader: YAMLMappingReader, _ key: String, required: Bool) -> String? {
        guard let text = reader.string(key) else {
            if required, reader.value(key) == nil { reader.missing(key) }
            return nil
        }
        do throws(ParseError) {
            _ = try parseSelector(text)
            return text
        } catch {
            reader.problem(
                key,
                "\(reader.name(key)) must be a selector like http_requests_total{job=\"booking\"}: \(error)"
            )
            return nil
        }
    }
}
