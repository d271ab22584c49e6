// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// `global:` — Prometheus's keys. Alertmanager's, which may stand in the same mapping, belong to the notifications.
package struct GlobalConfiguration: Sendable, Equatable {
    package var scrapeInterval = Duration.seconds(1)
    /// nil: the interval, at most 10 s.
    package var scrapeTimeout: Duration?
    package var evaluationInterval = Duration.seconds(1)
    package var ruleQueryOffset = Duration.zero
    package var externalLabels: [(name: String, value: String)] = []
    package var bodySizeLimit = 64 << 20
    package var sampleLimit = 200_000
    package var labelLimit = 0
    package var labelNameLengthLimit = 0
    package var labelValueLengthLimit = 0
    package var targetLimit = 0
    package var formats = ScrapeFormats()

    package init() {}

    package init(_ reader: YAMLMappingReader) {
        scrapeInterval = reader.duration("scrape_interval", atLeast: .milliseconds(10)) ?? scrapeInterval
        scrapeTimeout = reader.duration("scrape_timeout", atLeast: .milliseconds(1))
        evaluationInterval = reader.duration("evaluation_interval", atLeast: .milliseconds(10)) ?? evaluationInterval
        ruleQueryOffset = reader.duration("rule_query_offset") ?? ruleQueryOffset
        externalLabels = reader.stringPairs("external_labels") ?? []
        bodySizeLimit = reader.bytes("body_size_limit") ?? bodySizeLimit
        sampleLimit = reader.integer("sample_limit") ?? sampleLimit
        labelLimit = reader.integer("label_limit") ?? labelLimit
        labelNameLengthLimit = reader.integer("label_name_length_limit") ?? labelNameLengthLimit
        labelValueLengthLimit = reader.integer("label_value_length_limit") ?? labelValueLengthLimit
        targetLimit = reader.integer("target_limit") ?? targetLimit
        formats = ScrapeFormats(reader)
        if let timeout = scrapeTimeout, timeout > scrapeInterval {
            reader.problem("scrape_timeout", "scrape_timeout must not be longer than scrape_interval")
        }
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.scrapeInterval == right.scrapeInterval && left.scrapeTimeout == right.scrapeTimeout
            && left.evaluationInterval == right.evaluationInterval && left.ruleQueryOffset == right.ruleQueryOffset
            && left.externalLabels.elementsEqual(right.externalLabels, by: ==)
            && left.bodySizeLimit == right.bodySizeLimit && left.sampleLimit == right.sampleLimit
            && left.labelLimit == right.labelLimit && left.labelNameLengthLimit == right.labelNameLengthLimit
            && left.labelValueLengthLimit == right.labelValueLengthLimit && left.targetLimit == right.targetLimit
            && left.formats == right.formats
    }
}
