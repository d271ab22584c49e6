// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HTTPClient
import JSONDocument

/// `sidecar query …`: asks any server of Prometheus's HTTP API, and prints as promtool does.
struct QueryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Run queries against a sidecar or any Prometheus-compatible server.",
        subcommands: [Instant.self, Range.self, Series.self, Labels.self]
    )

    /// Whom every query goes to, and how its answer is shown.
    struct Peer: ParsableArguments {
        @Argument(help: "The server, such as http://127.0.0.1:9464.") var server: String
        @Flag(help: "Print the API's answer.") var json = false
    }

    struct Instant: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "instant",
            abstract: "Evaluate an expression at one moment."
        )
        @OptionGroup var peer: Peer
        @Argument(help: "The expression.") var expression: String
        @Option(help: "Evaluation time: RFC 3339 or Unix seconds; the server's now if absent.") var time: String?

        func run() async throws {
            var query = [("query", expression)]
            if let time { query.append(("time", time)) }
            try await QueryCommand.run(peer, "/api/v1/query", query) { print($0) }
        }

        private func print(_ data: JSONValue) { Output.write(QueryText.result(data)) }
    }

    struct Range: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "range",
            abstract: "Evaluate an expression over a range of time."
        )
        @OptionGroup var peer: Peer
        @Argument(help: "The expression.") var expression: String
        @Option(help: "Start: RFC 3339 or Unix seconds.") var start: String
        @Option(help: "End: RFC 3339 or Unix seconds.") var end: String
        @Option(help: "Step, such as 15s.") var step = "15s"

        func run() async throws {
            let query = [("query", expression), ("start", start), ("end", end), ("step", step)]
            try await QueryCommand.run(peer, "/api/v1/query_range", query) {
                Output.write(QueryText.result($0))
            }
        }
    }

    struct Series: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "series", abstract: "List the series that match.")
        @OptionGroup var peer: Peer
        @Option(name: .customLong("match"), help: "A series selector; may be repeated.") var matches: [String] = []
        @Option(help: "Start of the time range.") var start: String?
        @Option(help: "End of the time range.") var end: String?

        func run() async throws {
            var query = matches.map { ("match[]", $0) }
            if let start { query.append(("start", start)) }
            if let end { query.append(("end", end)) }
            try await QueryCommand.run(peer, "/api/v1/series", query) { data in
                for series in data.array ?? [] { Output.write(QueryText.metric(series, sorted: true) + "\n") }
            }
        }
    }

    struct Labels: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "labels", abstract: "List the values of a label.")
        @OptionGroup var peer: Peer
        @Argument(help: "The label's name.") var name: String
        @Option(name: .customLong("match"), help: "A series selector; may be repeated.") var matches: [String] = []

        func run() async throws {
            let query = matches.map { ("match[]", $0) }
            try await QueryCommand.run(
                peer,
                "/api/v1/label/\(RemoteServer.percentEncode(name))/values",
                query
            ) { data in
                for value in data.array ?? [] { Output.write((value.string ?? "") + "\n") }
            }
        }
    }

    private static func run(
        _ peer: Peer,
        _ path: String,
        _ query: [(String, String)],
        _ print: (JSONValue) -> Void
    ) async throws {
        do {
            let remote = try RemoteServer(peer.server)
            if peer.json {
                Output.write(try await remote.send("GET", path, query: query).body)
                Output.write("\n")
                return
            }
            let answer = try await remote.json("GET", path, query: query)
            for warning in answer["warnings"]?.array ?? [] {
                Output.write("warning: \(warning.string ?? "")\n", to: .standardError)
            }
            print(answer["data"] ?? .null)
        } catch let failure as RemoteServer.Failure {
            Output.write("\(failure)\n", to: .standardError)
            throw ExitStatus.bad
        }
    }
}
