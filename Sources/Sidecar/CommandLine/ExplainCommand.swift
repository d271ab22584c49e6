// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import JSONDocument

/// `sidecar explain ALERT`: why it fires or does not.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say why an alert fires or does not: value, threshold, how long to go, held or not."
    )
    @OptionGroup var server: ServerOption
    @OptionGroup var alert: AlertArguments

    func run() async throws {
        let query = [("alertname", alert.name)] + (try LabelArguments.parse(alert.labels))
        try await server.run("GET", "/api/sidecar/explain", query: query) { answer in
            let found = answer.array ?? []
            if found.isEmpty { return "no alerting rule \(alert.name)\n" }
            return found.map { entry in
                let labels = entry["labels"].map { QueryText.metric($0, sorted: true) } ?? alert.name
                let lines = (entry["explanation"]?.array ?? []).compactMap(\.string)
                return "\(labels) \(entry["state"]?.string ?? "")\n" + lines.map { "  \($0)\n" }.joined()
            }.joined()
        }
    }
}

/// Which alert a command is about.
struct AlertArguments: ParsableArguments {
    @Argument(help: ArgumentHelp("The rule's name.", valueName: "alert")) var name: String
    @Argument(help: "Labels of the alert: name=value.") var labels: [String] = []
}

/// Labels on a command line.
enum LabelArguments {
    static func parse(_ texts: [String]) throws -> [(String, String)] {
        try texts.map { text in
            guard let sign = text.firstIndex(of: "=") else {
                throw ValidationError("expected name=value, got \"\(text)\"")
            }
            return (String(text[..<sign]), String(text[text.index(after: sign)...]))
        }
    }
}
