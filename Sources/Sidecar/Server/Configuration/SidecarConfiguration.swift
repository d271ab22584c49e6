// SPDX-License-Identifier: Apache-2.0

package import AlertRules
package import Notifications
package import PromQL
import RemoteWrite
package import Scraping
package import YAMLDocument

/// The whole configuration, read and checked. Made anew at each reload and put in place whole or not at all.
package struct SidecarConfiguration: Sendable {
    package var global = GlobalConfiguration()
    package var storage = StorageConfiguration()
    package var web = WebConfiguration()
    package var scrapes: [ScrapeConfiguration] = []
    package var checks: [CheckDefinition] = []
    package var probes = ProbeConfiguration()
    /// Groups of the rule files that are good.
    package var rules: [RuleGroupDefinition] = []
    /// Groups made from `slos`.
    package var objectives: [RuleGroupDefinition] = []
    /// Rule files that are bad: the others go on without them.
    package var brokenRuleFiles: [String] = []
    /// Whether the rules that watch the sidecar itself are there.
    package var watchesSelf = true
    package var notifications = NotificationConfiguration()
    package var alerting = AlertingConfiguration()
    package var remoteWrites: [RemoteWriteDefinition] = []
    /// The file as `/api/v1/status/config` may show it: secrets taken out.
    package var shownText = ""

    package init() {}

    /// What one reading gave: a configuration when there were no errors outside of rule files, and everything that was
    /// found. A bad rule file is left out; whoever only checks looks at `isGood`.
    package struct Reading {
        package var configuration: SidecarConfiguration?
        package var problems: [YAMLProblem]

        package var isGood: Bool { configuration != nil && !problems.contains { $0.severity == .error } }
    }

    /// Reads a file; every problem of it and of its rule files is reported at once.
    package static func read(file path: String, files: FileAccess, features: FeatureSet = []) -> Reading {
        let problems = YAMLProblems()
        guard let bytes = files.read(path) else {
            return Reading(
                configuration: nil,
                problems: [YAMLProblem(file: path, line: 1, column: 1, message: "the file cannot be read")]
            )
        }
        let document = YAMLDocument.parse(bytes, file: path, problems: problems)
        guard let document, let root = document.root else {
            let isEmpty = document != nil && !problems.hasErrors
            return Reading(configuration: isEmpty ? SidecarConfiguration() : nil, problems: problems.sorted)
        }
        var configuration = SidecarConfiguration()
        let ruleProblems = YAMLProblems()
        if let reader = YAMLMappingReader(root, file: path, problems: problems) {
            let base = FileAccess.directory(of: path)
            configuration.decode(reader, files: files.relative(to: base), features: features, ruleProblems)
            reader.finish()
            configuration.shownText = ShownConfiguration.text(root)
        }
        return Reading(
            configuration: problems.hasErrors ? nil : configuration,
            problems: problems.sorted + ruleProblems.sorted
        )
    }

    private mutating func decode(
        _ reader: YAMLMappingReader,
        files: FileAccess,
        features: FeatureSet,
        _ ruleProblems: YAMLProblems
    ) {
        let globalReader = reader.mapping("global")
        if let globalReader { global = GlobalConfiguration(globalReader) }
        if let section = reader.mapping("storage") { storage = StorageConfiguration(section) }
        if let section = reader.mapping("web") { web = WebConfiguration(section, files: files) }
        let secrets = SecretResolver(environment: files.environment, file: files.read)
        let scrapeReader = ScrapeConfigurationReader(global: global, secrets: secrets, files: files)
        scrapes = (reader.mappings("scrape_configs") ?? []).compactMap { scrapeReader.read($0) }
        reportDoubles(reader, "scrape_configs", scrapes.map(\.jobName), what: "job_name")
        let checkReader = CheckConfigurationReader(secrets: secrets)
        checks = (reader.mappings("health_checks") ?? []).compactMap { checkReader.read($0) }
        let heartbeatReader = HeartbeatConfigurationReader(secrets: secrets, files: files)
        let heartbeats = (reader.mappings("heartbeats") ?? []).compactMap { heartbeatReader.read($0) }
        reportDoubles(reader, "health_checks", checks.map(\.name), what: "name")
        // A heartbeat is a check like others; its name may not be that of one.
        let names = Set(checks.map(\.name))
        reportDoubles(
            reader,
            "heartbeats",
            heartbeats.map(\.name)
                + names.filter { name in
                    heartbeats.contains { $0.name == name }
                },
            what: "name"
        )
        checks += heartbeats
        if let section = reader.mapping("probes") {
            let probeReader = ProbeConfigurationReader(
                scrapes: scrapes,
                checkNames: checks.map(\.name),
                secrets: secrets
            )
            probes = probeReader.read(section)
        }
        readRules(reader, files: files, features: features, ruleProblems)
        readObjectives(reader, features: features)
        watchesSelf = reader.boolean("self_watch") ?? true
        let environment = NotificationDecoder.Environment(
            resolve: { try secrets.resolve($0) },
            readFile: files.read,
            expandPattern: files.expand,
            zone: files.zone
        )
        notifications = NotificationDecoder.decode(document: reader, global: globalReader, environment: environment)
        let remoteReader = RemoteWriteConfigurationReader(secrets: secrets, files: files) { scrapeReader.rule($0) }
        remoteWrites = (reader.mappings("remote_write") ?? []).compactMap { remoteReader.read($0) }
        reportDoubles(reader, "remote_write", remoteWrites.map(\.remote.name), what: "name")
        if let section = reader.mapping("alerting") {
            alerting = AlertingConfiguration(section, environment: environment) { scrapeReader.rule($0) }
        }
        globalReader?.finish()
    }

    private func reportDoubles(_ reader: YAMLMappingReader, _ key: String, _ names: [String], what: String) {
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            reader.problem(key, "\(what) \"\(name)\" is used twice")
        }
    }
}

extension SidecarConfiguration {
    /// The job of targets given on the command line.
    package static let commandLineJob = "service"

    /// Adds what `--target URL` says: without a path it means `/metrics`; job `service`, instance host and port.
    package mutating func add(targets urls: [String]) throws(UsageProblem) {
        guard !urls.isEmpty else { return }
        for (index, url) in urls.enumerated() {
            guard let separator = url.firstRange(of: "://") else {
                throw UsageProblem(description: "--target \(url): expected a URL such as http://127.0.0.1:8080")
            }
            let scheme = String(url[..<separator.lowerBound])
            let rest = url[separator.upperBound...]
            let slash = rest.firstIndex(of: "/") ?? rest.endIndex
            let address = String(rest[..<slash])
            guard scheme == "http" || scheme == "https", !address.isEmpty else {
                throw UsageProblem(description: "--target \(url): expected a URL such as http://127.0.0.1:8080")
            }
            var scrape = ScrapeConfiguration(jobName: Self.commandLineJob)
            scrape.interval = global.scrapeInterval
            scrape.timeout = global.effectiveTimeout(for: global.scrapeInterval)
            scrape.scheme = scheme
            scrape.limits.body = global.bodySizeLimit
            scrape.limits.samples = global.sampleLimit
            let path = String(rest[slash...])
            scrape.metricsPath = path.isEmpty || path == "/" ? "/metrics" : path
            scrape.groups = [ScrapeConfiguration.TargetGroup(targets: [address], source: "--target \(index)")]
            scrapes.append(scrape)
        }
    }
}

/// A command line that cannot be carried out.
package struct UsageProblem: Error, CustomStringConvertible, Sendable {
    package let description: String
}

extension String {
    fileprivate func firstRange(of word: String) -> Range<Index>? {
        let wanted = Array(word.utf8)
        var start = utf8.startIndex
        while start < utf8.endIndex {
            if utf8[start...].starts(with: wanted) { return start..<utf8.index(start, offsetBy: wanted.count) }
            start = utf8.index(after: start)
        }
        return nil
    }
}
