// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Journal
import Logging
import PromQL
import SidecarServer
import YAMLDocument

/// `sidecar run`: scrapes, checks, evaluates, notifies and answers until SIGTERM.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run", abstract: "Run the sidecar.")

    @Option(help: "The configuration file; none is needed with --target.")
    var config: String?

    @Option(help: "A service to scrape, such as http://127.0.0.1:8080; may be repeated.")
    var target: [String] = []

    @Option(help: "Where to listen: HOST:PORT or unix:PATH; before the file's web.listen.")
    var listen: String?

    @Option(help: "Where state is kept; before the file's storage.path and $STATE_DIRECTORY.")
    var dataDir: String?

    @Option(help: "Features to switch on, by Prometheus's names, separated by commas; may be repeated.")
    var enableFeature: [String] = []

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel = "notice"

    @Option(help: "How log lines are written: logfmt or json.")
    var logFormat = "logfmt"

    func run() async throws {
        AllocatorSettings.apply()
        let options = try options()
        let logger = try logger()
        let reading = options.read()
        for problem in reading.problems {
            Output.write("\(problem)\(problem.severity == .warning ? " (warning)" : "")\n", to: .standardError)
        }
        guard let configuration = reading.configuration else { throw ExitStatus.bad }
        do {
            try await Sidecar(options: options, configuration: configuration, logger: logger).run()
        } catch {
            Output.write("sidecar: \(error)\n", to: .standardError)
            throw ExitStatus.bad
        }
    }

    private func options() throws -> Sidecar.Options {
        var options = Sidecar.Options(version: Version.current)
        options.configurationPath = config
        options.targets = target
        options.dataDirectory = dataDir
        options.features = try Features.parse(enableFeature)
        if let listen {
            guard let address = ListenAddress(listen) else {
                throw ValidationError("--listen: expected HOST:PORT, :PORT or unix:PATH, got \"\(listen)\"")
            }
            options.listen = address
        }
        options.flags = [
            ("config", config ?? ""), ("target", target.joined(separator: ",")), ("listen", listen ?? ""),
            ("data-dir", dataDir ?? ""), ("enable-feature", enableFeature.joined(separator: ",")),
        ]
        return options
    }

    private func logger() throws -> Logger {
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw ValidationError("--log-level: unknown level \"\(logLevel)\"")
        }
        let format: LogFormat
        switch logFormat {
        case "json": format = .json
        case "logfmt": format = .logfmt
        default: throw ValidationError("--log-format: expected logfmt or json, got \"\(logFormat)\"")
        }
        let writer = LineWriter()
        LoggingSystem.bootstrap { LineLogHandler(label: $0, format: format, writer: writer, logLevel: level) }
        return Logger(label: "sidecar")
    }
}

/// `--enable-feature` values.
enum Features {
    /// Names of Prometheus that are about other things than the language are let pass: a pasted command line works.
    private static let others: Set<String> = [
        "exemplar-storage", "native-histograms", "memory-snapshot-on-shutdown", "extra-scrape-metrics",
        "auto-gomaxprocs", "auto-gomemlimit", "concurrent-rule-eval", "created-timestamp-zero-ingestion",
        "delayed-compaction", "otlp-deltatocumulative", "promql-per-step-stats", "use-uncached-io", "old-ui",
        "metadata-wal-records", "auto-reload-config", "otlp-native-delta-ingestion",
    ]

    static func parse(_ texts: [String]) throws -> FeatureSet {
        var features: FeatureSet = []
        for name in texts.flatMap({ $0.split(separator: ",").map(String.init) }) {
            if let feature = FeatureSet(name: name) {
                features.insert(feature)
            } else if !others.contains(name) {
                throw ValidationError("--enable-feature: unknown feature \"\(name)\"")
            }
        }
        return features
    }
}
