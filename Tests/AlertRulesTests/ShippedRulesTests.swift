// SPDX-License-Identifier: Apache-2.0

import AlertRules
import Foundation
import PromQL
import Testing
import TimeSeries
import YAMLDocument

/// The packs under `config/rules` and the group that is built in.
@Suite struct ShippedRulesTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func files(_ folder: String) throws -> [String] {
        let url = root.appendingPathComponent(folder)
        return try FileManager.default.contentsOfDirectory(atPath: url.path).filter { $0.hasSuffix(".yml") }.sorted()
    }

    private func groups() throws -> [RuleGroupDefinition] {
        var groups = [try #require(SelfWatchRules.group())]
        for file in try Self.files("config/rules") {
            let path = Self.root.appendingPathComponent("config/rules/" + file).path
            let problems = YAMLProblems()
            let read = RuleFile.parse(try RuleFiles.read(path), path: path, problems: problems)
            groups += try #require(read, "\(problems.sorted)").groups
        }
        return groups
    }

    @Test func `every pack has unit tests and they pass`() throws {
        let packs = try Self.files("config/rules")
        #expect(packs.count >= 9)
        #expect(try Self.files("config/rules/tests") == packs)
        for file in packs {
            let path = Self.root.appendingPathComponent("config/rules/tests/" + file).path
            let result = RuleTestCommand.run(files: [path])
            #expect(result.exitCode == 0, "\(result.output)")
            let tests = try RuleFiles.read(path)
            let pack = Self.root.appendingPathComponent("config/rules/" + file).path
            let read = try #require(RuleFile.parse(try RuleFiles.read(pack), path: pack, problems: YAMLProblems()))
            for rule in read.groups.flatMap(\.rules) where rule.kind == .alerting {
                let fires =
                    tests.contains("alertname: \(rule.name)\n        exp_alerts:\n")
                    || tests.contains("alertname=\"\(rule.name)\"")
                #expect(fires, "\(rule.name) never fires in a test")
            }
        }
    }

    @Test func `every alert says what, why and where to read on`() throws {
        var names: Set<String> = []
        for rule in try groups().flatMap(\.rules) where rule.kind == .alerting {
            names.insert(rule.name)
            let annotations = Dictionary(rule.annotations.map { ($0.name, $0.value) }) { first, _ in first }
            #expect(annotations["summary"]?.isEmpty == false, "\(rule.name)")
            #expect(annotations["description"]?.isEmpty == false, "\(rule.name)")
            #expect(rule.labels.contains { $0.name == "severity" }, "\(rule.name)")
            let link = try #require(annotations["runbook_url"], "\(rule.name)").split(separator: "#")
            #expect(link.count == 2 && link[1] == rule.name.lowercased(), "\(rule.name): \(link)")
            let runbook = try String(contentsOf: Self.root.appendingPathComponent(String(link[0])), encoding: .utf8)
            let anchors = runbook.split(separator: "\n").filter { $0.hasPrefix("#") }.map {
                $0.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
            }
            #expect(anchors.contains(String(link[1])), "\(rule.name): no heading in \(link[0])")
        }
        // The table of the operators.
        for name in [
            "BookingFailureRateHigh", "LatencyP99High", "ServerErrorsHigh", "DbConnectionsHigh", "CacheHitRatioLow",
            "MemoryHigh", "DiskHigh", "EmailQueueBacklog", "QueueWorkerDown", "QueueFailureRateHigh", "TargetDown",
            "PostgresDown", "RedisDown", "BackupMissing", "CpuHigh",
        ] { #expect(names.contains(name), "\(name)") }
    }

    @Test(arguments: [
        ("Watchdog", "", ""),
        ("RuleEvaluationLate", "sidecar_rule_iterations_missed_total", "0+1x40"),
        ("RuleEvaluationFailing", "sidecar_rule_evaluation_failures_total", "0+1x40"),
        ("ConfigReloadFailed", "sidecar_config_last_reload_successful", "0x40"),
        ("RuleFilesBroken", "sidecar_rule_files_broken", "1x40"),
        ("AlertsDropped", "sidecar_rule_alerts_dropped", "5x40"),
        ("AlertStatesNotSaved", "sidecar_rule_state_failures_total", "0+1x40"),
        ("SeriesDropped", "sidecar_store_samples_refused_total{reason=\"series_limit\"}", "0+1x40"),
        ("NotificationsFailing", "sidecar_notification_failures_in_a_row{integration=\"oncall/webhook[0]\"}", "3x40"),
        ("StorageMemoryOnly", "sidecar_storage_memory_only", "1x40"),
    ])
    func `what is built in speaks when it should and is silent else`(alert: String, series: String, values: String)
        throws
    {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("self-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try SelfWatchRules.source.write(
            to: folder.appendingPathComponent("self.yml"),
            atomically: true,
            encoding: .utf8
        )
        let input = series.isEmpty ? "[]" : "\n      - { series: '\(series)', values: '\(values)' }"
        let firing = alert == "Watchdog" ? "" : ", { labels: '{alertname=\"\(alert)\"}', value: 1 }"
        let test = """
            rule_files: [ self.yml ]
            evaluation_interval: 15s
            tests:
              - interval: 15s
                input_series: \(input)
                promql_expr_test:
                  - expr: count by (alertname) (ALERTS{alertstate="firing"})
                    eval_time: 8m
                    exp_samples: [ { labels: '{alertname="Watchdog"}', value: 1 }\(firing) ]
            """
        let path = folder.appendingPathComponent("test.yml")
        try test.write(to: path, atomically: true, encoding: .utf8)
        let result = RuleTestCommand.run(files: [path.path])
        #expect(result.exitCode == 0, "\(result.output)")
    }

    /// Not only read: every rule of the files that people use runs over a store without an error.
    @Test(.enabled(if: Conformance.folder != nil, "shared conformance data is not here"))
    func `all real rule files evaluate`() throws {
        let folder = try #require(Conformance.folder).appendingPathComponent("rules/awesome-prometheus-alerts")
        let paths = try #require(FileManager.default.enumerator(atPath: folder.path)).compactMap { $0 as? String }
            .filter { $0.hasSuffix(".yml") || $0.hasSuffix(".yaml") }
        #expect(paths.count > 50)
        let store = TimeSeriesStore(StoreConfiguration())
        let now = Timestamp(milliseconds: 1_800_000_000_000)
        let appender = store.appender(source: "up")
        for job in ["a", "b"] {
            appender.append(try appender.series(Labels([("__name__", "up"), ("job", job), ("instance", "i")])), 0)
        }
        _ = try appender.commit(at: now)
        var rules = 0
        for path in paths.sorted() {
            let problems = YAMLProblems()
            let text = try RuleFiles.read(folder.appendingPathComponent(path).path)
            let file = try #require(RuleFile.parse(text, path: path, problems: problems), "\(path): \(problems.sorted)")
            let environment = StoreRuleEnvironment(store: store, engine: QueryEngine())
            let manager = RuleManager(context: RuleContext(), environment: environment)
            _ = manager.load(file.groups, context: RuleContext(), at: now)
            for group in manager.groups.map(\.key) {
                let evaluation = try #require(manager.evaluate(group: group, at: now))
                #expect(evaluation.failures.isEmpty, "\(path): \(evaluation.failures)")
                rules += evaluation.rules
            }
        }
        #expect(rules > 400)
    }
}
