// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import Notifications
import PromQL
import Scraping
import YAMLDocument

/// Reads the section `probes`.
struct ProbeConfigurationReader {
    let scrapes: [ScrapeConfiguration]
    let checkNames: [String]
    let secrets: SecretResolver

    func read(_ reader: YAMLMappingReader) -> ProbeConfiguration {
        var configuration = ProbeConfiguration()
        configuration.details = reader.choice("details") ?? configuration.details
        configuration.targets = (reader.mappings("targets") ?? []).compactMap { target($0) }
        configuration.alerts = (reader.mappings("alerts") ?? []).compactMap { alertGate($0) }
        if let text = reader.string("load") {
            do throws(ParseError) {
                let type = try PromQL.parse(text).type
                if type == .scalar || type == .instantVector {
                    configuration.load = text
                } else {
                    reader.problem(
                        "load",
                        "load: expected a scalar or an instant vector, this is \(type.documentedName)"
                    )
                }
            } catch {
                reader.problem("load", "load: \(error.description)")
            }
        }
        for text in reader.strings("allowed_targets", orSingle: true) ?? [] {
            if let pattern = ProbeTargetPattern(text) {
                configuration.allowedTargets.append(pattern)
            } else {
                reader.problem(
                    "allowed_targets",
                    "allowed_targets: expected HOST:PORT or *.DOMAIN:PORT, got \"\(text)\""
                )
            }
        }
        if let modules = reader.mapping("modules") {
            for name in modules.keys { configuration.modules[name] = modules.mapping(name).flatMap { module($0) } }
            modules.finish()
        }
        reader.finish()
        var seen = Set(checkNames)
        for name in configuration.names where !seen.insert(name).inserted {
            reader.problem(nil, "the name \"\(name)\" is used twice among the checks and conditions")
        }
        return configuration
    }

    private func target(_ reader: YAMLMappingReader) -> ProbeConfiguration.Target? {
        defer { reader.finish() }
        let name = reader.string("name")
        let instance = reader.string("instance")
        let policy: CheckSettings.Policy = reader.choice("policy") ?? .critical
        let fall = reader.integer("fall", in: 1...1_000)
        let rise = reader.integer("rise", in: 1...1_000)
        let dependsOn = reader.strings("depends_on", orSingle: true) ?? []
        guard let job = reader.requiredString("job") else { return nil }
        let scrape = scrapes.first { $0.jobName == job }
        if scrape == nil, job != SidecarConfiguration.commandLineJob {
            let hint = Spelling.hint(for: job, among: scrapes.map(\.jobName))
            reader.problem("job", "no scrape configuration has the job_name \"\(job)\"\(hint)")
            return nil
        }
        var settings = CheckSettings(policy: policy, dependsOn: dependsOn)
        settings.fall = fall ?? settings.fall
        settings.rise = rise ?? settings.rise
        if let scrape {
            settings.interval = scrape.interval
            settings.timeout = scrape.timeout
        }
        return ProbeConfiguration.Target(name: name ?? job, jobName: job, instance: instance, settings: settings)
    }

    private func module(_ reader: YAMLMappingReader) -> ProbeModule? {
        defer { reader.finish() }
        let timeout = reader.duration("timeout", atLeast: .milliseconds(1)) ?? .seconds(5)
        let checks = CheckConfigurationReader(secrets: secrets, address: "127.0.0.1:1")
        return checks.module(reader).map { ProbeModule(kind: $0, timeout: timeout) }
    }

    private func alertGate(_ reader: YAMLMappingReader) -> ProbeConfiguration.AlertGate? {
        defer { reader.finish() }
        let name = reader.requiredString("name")
        let policy: CheckSettings.Policy = reader.choice("policy") ?? .critical
        guard let texts = reader.strings("matchers", orSingle: true), !texts.isEmpty else {
            reader.missing("matchers")
            return nil
        }
        var matchers: [AlertMatcher] = []
        for text in texts {
            do throws(AlertMatcherError) {
                matchers += try MatcherParser.parse(text)
            } catch {
                reader.problem("matchers", "\(reader.name("matchers")): \(error)")
            }
        }
        guard let name, !matchers.isEmpty else { return nil }
        return ProbeConfiguration.AlertGate(name: name, matchers: matchers, policy: policy)
    }
}
