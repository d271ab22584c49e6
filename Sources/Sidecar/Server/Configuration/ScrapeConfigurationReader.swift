// SPDX-License-Identifier: Apache-2.0

import RegularExpressions
import Scraping
import YAMLDocument

/// Reads entries of `scrape_configs`, in Prometheus's keys.
struct ScrapeConfigurationReader {
    let global: GlobalConfiguration
    let secrets: SecretResolver
    let files: FileAccess

    func read(_ reader: YAMLMappingReader) -> ScrapeConfiguration? {
        guard let name = reader.requiredString("job_name") else { return nil }
        var scrape = ScrapeConfiguration(jobName: name)
        scrape.interval = reader.duration("scrape_interval", atLeast: .milliseconds(10)) ?? global.scrapeInterval
        let timeout = reader.duration("scrape_timeout", atLeast: .milliseconds(1))
        if let timeout, timeout > scrape.interval {
            reader.problem("scrape_timeout", "scrape_timeout of job \"\(name)\" is longer than its scrape_interval")
        }
        scrape.timeout = timeout ?? global.effectiveTimeout(for: scrape.interval)
        scrape.metricsPath = reader.string("metrics_path") ?? scrape.metricsPath
        scrape.scheme = reader.choice("scheme", of: Scheme.self)?.rawValue ?? scrape.scheme
        scrape.parameters = parameters(reader)
        scrape.honorsLabels = reader.boolean("honor_labels") ?? scrape.honorsLabels
        scrape.honorsTimestamps = reader.boolean("honor_timestamps") ?? scrape.honorsTimestamps
        scrape.tracksTimestampStaleness = reader.boolean("track_timestamps_staleness") ?? false
        formats(reader, &scrape)
        scrape.acceptsCompressed = reader.boolean("enable_compression") ?? scrape.acceptsCompressed
        scrape.unixSocketPath = reader.string("unix_socket")
        scrape.isCritical = reader.choice("policy", of: Policy.self) == .critical
        ScrapeClientReader(secrets: secrets, files: files).read(reader, into: &scrape)
        limits(reader, &scrape)
        scrape.groups = (reader.mappings("static_configs") ?? []).compactMap { group($0) }
        scrape.discovery = DiscoveryReader(files: files).read(reader)
        scrape.relabelRules = (reader.mappings("relabel_configs") ?? []).compactMap { rule($0) }
        scrape.metricRelabelRules = (reader.mappings("metric_relabel_configs") ?? []).compactMap { rule($0) }
        reader.finish()
        for problem in TargetSet(scrape).problems { reader.problem("static_configs", problem) }
        return scrape
    }

    private enum Scheme: String, CaseIterable { case http, https }
    private enum Policy: String, CaseIterable { case critical, advisory }

    private func limits(_ reader: YAMLMappingReader, _ scrape: inout ScrapeConfiguration) {
        scrape.limits.body = reader.bytes("body_size_limit") ?? global.bodySizeLimit
        scrape.limits.samples = reader.integer("sample_limit") ?? global.sampleLimit
        scrape.limits.labels = reader.integer("label_limit") ?? global.labelLimit
        scrape.limits.labelNameLength = reader.integer("label_name_length_limit") ?? global.labelNameLengthLimit
        scrape.limits.labelValueLength = reader.integer("label_value_length_limit") ?? global.labelValueLengthLimit
        scrape.limits.targets = reader.integer("target_limit") ?? global.targetLimit
        scrape.limits.keptDroppedTargets = reader.integer("keep_dropped_targets") ?? global.formats.keptDroppedTargets
        scrape.limits.nativeBuckets = reader.integer("native_histogram_bucket_limit") ?? 0
        scrape.nativeHistogramMinimumFactor =
            reader.number("native_histogram_min_bucket_factor", in: 0...65_536) ?? 0
    }

    private func formats(_ reader: YAMLMappingReader, _ scrape: inout ScrapeConfiguration) {
        let own = ScrapeFormats(reader, above: global.formats)
        scrape.protocols = own.effectiveProtocols
        scrape.scrapesNativeHistograms = own.nativeHistograms
        scrape.alwaysScrapesClassicHistograms = own.classicHistograms
        scrape.nameValidation = own.nameValidation
        scrape.nameEscaping = own.nameEscaping
        scrape.fallbackProtocol = reader.choice("fallback_scrape_protocol")
    }

    private func parameters(_ reader: YAMLMappingReader) -> [(name: String, value: String)] {
        guard let section = reader.mapping("params") else { return [] }
        return section.keys.flatMap { key in
            (section.strings(key, orSingle: true) ?? []).map { (name: key, value: $0) }
        }
    }

    private func group(_ reader: YAMLMappingReader) -> ScrapeConfiguration.TargetGroup? {
        guard let targets = reader.strings("targets") else {
            reader.missing("targets")
            return nil
        }
        let labels = reader.stringPairs("labels") ?? []
        reader.finish()
        return ScrapeConfiguration.TargetGroup(
            targets: targets,
            labels: Dictionary(labels.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        )
    }

    /// One `relabel_config`; the mapping is read to its end.
    func rule(_ reader: YAMLMappingReader) -> RelabelRule? {
        let action = reader.choice("action", of: RelabelRule.Action.self) ?? .replace
        let pattern = reader.string("regex") ?? "(.*)"
        defer { reader.finish() }
        do throws(RegularExpressionError) {
            var rule = try RelabelRule(action, pattern: pattern)
            rule.sourceLabels = reader.strings("source_labels") ?? []
            rule.separator = reader.string("separator") ?? rule.separator
            rule.targetLabel = reader.string("target_label") ?? rule.targetLabel
            rule.replacement = reader.string("replacement") ?? rule.replacement
            rule.modulus = UInt64(reader.integer("modulus") ?? 0)
            if let problem = rule.problem { reader.problem(nil, problem) }
            return rule
        } catch {
            reader.problem("regex", error.description)
            return nil
        }
    }
}

extension GlobalConfiguration {
    /// The timeout of what names none: its interval, at most 10 s.
    func effectiveTimeout(for interval: Duration) -> Duration {
        min(scrapeTimeout ?? .seconds(10), interval)
    }
}
