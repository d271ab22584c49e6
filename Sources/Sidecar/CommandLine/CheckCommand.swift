// SPDX-License-Identifier: Apache-2.0

import AlertRules
import ArgumentParser
import Exposition
import JSONDocument
import PromQL
import SidecarServer
import YAMLDocument

/// `sidecar check …`: looks at files without running anything.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check configuration, rules, metrics and dashboards.",
        subcommands: [Config.self, Rules.self, Metrics.self, Dashboards.self]
    )

    struct Config: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "config",
            abstract: "Check a configuration file and its rule files."
        )
        @Argument(help: "The file.") var file: String
        @Option(help: "Features to switch on, by Prometheus's names.") var enableFeature: [String] = []
        @Flag(help: "Print problems as JSON.") var json = false

        func run() throws {
            let features = try Features.parse(enableFeature)
            let reading = SidecarConfiguration.read(file: file, files: .system, features: features)
            if json {
                var writer = JSONWriter()
                writer.array(reading.problems) { json, problem in
                    json.object {
                        $0.member("file", problem.file)
                        $0.member("line", problem.line)
                        $0.member("column", problem.column)
                        $0.member("severity", problem.severity == .error ? "error" : "warning")
                        $0.member("message", problem.message)
                    }
                }
                Output.write(writer.bytes)
                Output.write("\n")
            } else {
                for problem in reading.problems {
                    Output.write("\(problem)\(problem.severity == .warning ? " (warning)" : "")\n", to: .standardError)
                }
            }
            guard reading.isGood, let configuration = reading.configuration else { throw ExitStatus.bad }
            if !json {
                let rules = configuration.rules.reduce(0) { $0 + $1.rules.count }
                Output.write(
                    "\(file): ok: \(configuration.scrapes.count) scrape configurations, \(configuration.checks.count) checks, \(rules) rules\n"
                )
                for window in configuration.maintenance(from: PrometheusText.now()) {
                    Output.write("maintenance \(window.name): \(window.occurrences.joined(separator: ", "))\n")
                }
            }
        }
    }

    struct Rules: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rules",
            abstract: "Check rule files, as promtool does."
        )
        @Argument(help: "Rule files.") var files: [String] = []
        @Option(help: "Features to switch on, by Prometheus's names.") var enableFeature: [String] = []
        @Flag(help: "Let unknown keys pass.") var ignoreUnknownFields = false
        @Flag(help: "Exit with 3 when there are only lint findings, or selectors that match nothing.") var lintFatal =
            false
        @Option(help: "A running sidecar or Prometheus; selectors that match no series there are named.") var live:
            String?

        func run() async throws {
            guard !files.isEmpty else { throw ValidationError("name at least one rule file") }
            var options = RuleCheckCommand.Options()
            options.file.features = try Features.parse(enableFeature)
            options.file.ignoresUnknownFields = ignoreUnknownFields
            options.lintFatal = lintFatal
            let (output, code) = RuleCheckCommand.run(files: files, options: options)
            Output.write(output, to: code == 0 ? .standardOutput : .standardError)
            if let live, code == 0 || code == 3 {
                let isAlive = try await LiveRuleCheck.run(files: files, options: options.file, server: live)
                if !isAlive, lintFatal { throw ExitStatus.failed }
            }
            if code != 0 { throw ExitStatus(rawValue: code) ?? .bad }
        }
    }

    struct Metrics: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "metrics",
            abstract: "Check a metrics page: its form (exit 1) and its names (exit 3), as promtool does."
        )
        @Argument(help: "The file; standard input if absent or -.") var file = "-"

        func run() throws {
            var check = MetricsCheck()
            do throws(FileError) {
                try Input.read(file) { check.read($0) }
            } catch {
                Output.write("\(error)\n", to: .standardError)
                throw ExitStatus.bad
            }
            let (output, code) = check.finish()
            if !output.isEmpty { Output.write(output, to: .standardError) }
            if code != 0 { throw ExitStatus(rawValue: code) ?? .bad }
        }
    }

    struct Dashboards: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dashboards",
            abstract: "Check that every query of the Grafana dashboards in a directory parses."
        )
        @Argument(help: "The directory.") var directory: String

        func run() throws {
            let files = FileAccess.system.expand(directory + "/*.json")
            guard !files.isEmpty else {
                Output.write("\(directory): no dashboards\n", to: .standardError)
                throw ExitStatus.bad
            }
            let problems = files.flatMap { DashboardCheck.problems(in: $0) }
            for problem in problems { Output.write(problem + "\n", to: .standardError) }
            if !problems.isEmpty { throw ExitStatus.bad }
            Output.write("\(files.count) dashboards: ok\n")
        }
    }
}
