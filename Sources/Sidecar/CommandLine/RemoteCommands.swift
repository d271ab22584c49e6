// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HTTPClient
import JSONDocument
import PromQL
import TimeSeries

/// What all commands take that talk to a running sidecar.
struct ServerOption: ParsableArguments {
    @Option(name: .customLong("url"), help: "The running sidecar.")
    var url = RemoteServer.defaultURL

    @Flag(help: "Print the API's answer.")
    var json = false

    /// Sends a request and prints the answer; a failure ends the process with 1.
    func run(
        _ method: String,
        _ path: String,
        query: [(String, String)] = [],
        body: (type: String, bytes: [UInt8])? = nil,
        print: (JSONValue) -> String
    ) async throws {
        do {
            let remote = try RemoteServer(url)
            if json {
                Output.write(try await remote.send(method, path, query: query, body: body).body)
                Output.write("\n")
            } else {
                Output.write(print(try await remote.json(method, path, query: query, body: body)))
            }
        } catch let failure as RemoteServer.Failure {
            Output.write("\(failure)\n", to: .standardError)
            throw ExitStatus.bad
        }
    }

    /// For calls whose answer is plain text.
    func runText(_ method: String, _ path: String) async throws {
        do {
            let response = try await RemoteServer(url).send(method, path)
            let isGood = (200..<300).contains(response.status)
            Output.write(response.body, to: isGood ? .standardOutput : .standardError)
            if !isGood { throw ExitStatus.bad }
        } catch let failure as RemoteServer.Failure {
            Output.write("\(failure)\n", to: .standardError)
            throw ExitStatus.bad
        }
    }
}

/// `sidecar alerts`
struct AlertsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "alerts", abstract: "List pending and firing alerts.")
    @OptionGroup var server: ServerOption

    func run() async throws {
        try await server.run("GET", "/api/v1/alerts") { answer in
            (answer["data"]?["alerts"]?.array ?? []).map { alert in
                let state = alert["state"]?.string ?? ""
                let since = alert["activeAt"]?.string ?? ""
                return
                    "\(state)\t\(QueryText.metric(alert["labels"] ?? .null, sorted: true))\t\(alert["value"]?.string ?? "")\t\(since)\n"
            }.joined()
        }
    }
}

/// `sidecar silence add|list|expire`
struct SilenceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "silence",
        abstract: "Add, list and expire silences.",
        subcommands: [Add.self, List.self, Expire.self]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Silence what matches, such as alertname=TargetDown."
        )
        @OptionGroup var server: ServerOption
        @Argument(help: "Matchers: name=value, name!=value, name=~expression, name!~expression.") var matchers: [String]
        @Option(help: "How long, such as 2h.") var duration = "1h"
        @Option(help: "Who silences.") var author: String
        @Option(help: "Why.") var comment: String

        func run() async throws {
            guard let length = PrometheusText.duration(duration) else {
                throw ValidationError("--duration: expected a duration such as 2h, got \"\(duration)\"")
            }
            let parsed = try matchers.map { try SilenceMatcher($0) }
            let now = PrometheusText.now()
            var json = JSONWriter()
            json.object {
                $0.member("matchers", array: parsed) { json, matcher in
                    json.object {
                        $0.member("name", matcher.name)
                        $0.member("value", matcher.value)
                        $0.member("isRegex", matcher.isRegex)
                        $0.member("isEqual", matcher.isEqual)
                    }
                }
                $0.member("startsAt", PrometheusText.rfc3339(now))
                $0.member("endsAt", PrometheusText.rfc3339(now + length))
                $0.member("createdBy", author)
                $0.member("comment", comment)
            }
            try await server.run("POST", "/api/v2/silences", body: ("application/json", json.bytes)) {
                ($0["silenceID"]?.string ?? "") + "\n"
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List silences.")
        @OptionGroup var server: ServerOption

        func run() async throws {
            try await server.run("GET", "/api/v2/silences") { answer in
                (answer.array ?? []).map { silence in
                    let matchers = (silence["matchers"]?.array ?? []).map { matcher in
                        let isEqual = matcher["isEqual"]?.bool ?? true
                        let isRegex = matcher["isRegex"]?.bool ?? false
                        let sign = isRegex ? (isEqual ? "=~" : "!~") : (isEqual ? "=" : "!=")
                        return "\(matcher["name"]?.string ?? "")\(sign)\"\(matcher["value"]?.string ?? "")\""
                    }.joined(separator: " ")
                    let state = silence["status"]?["state"]?.string ?? ""
                    return
                        "\(silence["id"]?.string ?? "")\t\(state)\t\(matchers)\t\(silence["endsAt"]?.string ?? "")\t\(silence["createdBy"]?.string ?? "")\t\(silence["comment"]?.string ?? "")\n"
                }.joined()
            }
        }
    }

    struct Expire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "expire", abstract: "End a silence now.")
        @OptionGroup var server: ServerOption
        @Argument(help: "The silence's id.") var id: String

        func run() async throws {
            try await server.runText("DELETE", "/api/v2/silence/\(RemoteServer.percentEncode(id))")
        }
    }
}

/// `sidecar history`
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "List what was sent, held back or failed, newest first."
    )
    @OptionGroup var server: ServerOption
    @Option(help: "Entries to list.") var limit = 50

    func run() async throws {
        try await server.run("GET", "/api/sidecar/history", query: [("limit", String(limit))]) { answer in
            (answer.array ?? []).map { record in
                (record.members ?? []).map { member in
                    "\(member.name)=\(member.value.string ?? member.value.number.map { "\($0)" } ?? "")"
                }.joined(separator: " ") + "\n"
            }.joined()
        }
    }
}

/// `sidecar outbox list|replay`
struct OutboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outbox",
        abstract: "Look at notifications that wait, and send dead letters again.",
        subcommands: [List.self, Replay.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "What waits and what was given up."
        )
        @OptionGroup var server: ServerOption

        func run() async throws {
            var server = server
            server.json = true
            try await server.run("GET", "/api/sidecar/outbox") { _ in "" }
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replay",
            abstract: "Send a dead letter again, under its old id."
        )
        @OptionGroup var server: ServerOption
        @Argument(help: "The number of the dead letter.") var id: Int64

        func run() async throws { try await server.runText("POST", "/api/sidecar/outbox/\(id)/replay") }
    }
}

/// `sidecar routes test NAME=VALUE…`
struct RoutesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "routes",
        abstract: "Ask where alerts go.",
        subcommands: [Test.self]
    )

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "test",
            abstract: "Print the receivers of an alert with these labels."
        )
        @OptionGroup var server: ServerOption
        @Argument(help: "Labels: name=value.") var labels: [String]

        func run() async throws {
            let pairs = try LabelArguments.parse(labels)
            let form = Array(RemoteServer.encode(pairs).utf8)
            try await server.run(
                "POST",
                "/api/sidecar/routes/test",
                body: ("application/x-www-form-urlencoded", form)
            ) { answer in
                (answer.array ?? []).map { "\($0["receiver"]?.string ?? "")\t\($0["groupKey"]?.string ?? "")\n" }
                    .joined()
            }
        }
    }
}

/// `sidecar notify test RECEIVER`
struct NotifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify",
        abstract: "Try receivers.",
        subcommands: [Test.self]
    )

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "test",
            abstract: "Send a firing and a resolved test notification through a receiver."
        )
        @OptionGroup var server: ServerOption
        @Argument(help: "The receiver's name.") var receiver: String

        func run() async throws {
            try await server.runText("POST", "/api/sidecar/receivers/\(RemoteServer.percentEncode(receiver))/test")
        }
    }
}

/// `sidecar promql format EXPR`
struct PromQLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promql",
        abstract: "Work with expressions.",
        subcommands: [Format.self]
    )

    struct Format: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "format",
            abstract: "Print an expression over several lines."
        )
        @Argument(help: "The expression.") var expression: String

        func run() throws {
            do throws(ParseError) {
                Output.write(try PromQL::parse(expression, options: ParserOptions(features: .all)).prettified + "\n")
            } catch {
                Output.write("\(error)\n", to: .standardError)
                throw ExitStatus.bad
            }
        }
    }
}
