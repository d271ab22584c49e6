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
    package var rules: [RuleGroupDefinition] = []
    package var notifications = NotificationConfiguration()
    package var alerting = AlertingConfiguration()
    package var remoteWrites: [RemoteWriteDefinition] = []
    /// The file as `/api/v1/status/config` may show it: secrets taken out.
    package var shownText = ""

    package init() {}

    /// What one reading gave: a configuration when there were no errors, and everything that was found.
    package struct Reading {
        package var configuration: SidecarConfiguration?
        package var problems: [YAMLProblem]
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
        if let reader = YAMLMappingReader(root, file: path, problems: problems) {
            let base = FileAccess.directory(of: path)
            configuration.decode(reader, files: files.relative(to: base), features: features)
            reader.finish()
            configuration.shownText = ShownConfiguration.text(root)
        }
        return Reading(configuration: problems.hasErrors ? nil : configuration, problems: problems.sorted)
    }

    private mutating func decode(_ reader: YAMLMappingReader, files: FileAccess, features: FeatureSet) {
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
        readRules(reader, files: files, features: features)
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

    private mutating func readRules(_ reader: YAMLMappingReader, files: FileAccess, features: FeatureSet) {
        guard reader.contains("rule_files"), reader.value("rule_files") != nil else { return }
        guard let patterns = reader.strings("rule_files") else { return }
        var options = RuleFile.Options()
        options.features = features
        for pattern in patterns {
            let paths = files.expand(pattern)
            if paths.isEmpty, !pattern.contains("*"), !pattern.contains("?"), !pattern.contains("[") {
                reader.problem("rule_files", "rule file \"\(pattern)\" does not exist")
            }
            for path in paths {
                guard let bytes = files.read(path), let text = String(validating: bytes, as: UTF8.self) else {
                    reader.problem("rule_files", "rule file \"\(path)\" cannot be read or is not UTF-8")
                    continue
                }
                if let file = RuleFile.parse(text, path: path, options: options, problems: reader.problems) {
                    rules.append(contentsOf: file.groups)
                }
            }
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
