// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The query API as its clients use it: promtool, the Python package, a dashboard; and compared with a real Prometheus.
@Suite(
    .serialized,
    .timeLimit(.minutes(5)),
    .enabled(if: findExecutable("prometheus") != nil, "prometheus is not installed")
)
struct QueryAPITests {
    @Test func `promtool, the Python client, a dashboard and a real Prometheus agree with the query API`() async throws
    {
        let pair = try await MonitoredPair()
        try await answersAreAlike(pair)
        try await membersAreThere(pair)
        try await promtoolIsAnswered(pair)
        try await ourCommandsReadBoth(pair)
        try await dashboardIsAnswered(pair.sidecar.url)
        try await explains(pair.sidecar.url)
        try await laterAdditionsAreThere(pair.sidecar.url)
        try await lightQueriesAreAnsweredAlike(pair.sidecar.url)
        try await pythonIsAnswered(pair.sidecar.url)
        await pair.stop()
    }

    // MARK: Beside Prometheus

    /// Requests to which 2.42 and its successors answer alike; status, error type, words and the form of the data.
    private static let requests = [
        "query?query=up%7B", "query?query=sum(", "query?query=foo(1)", "query?query=up&time=abc",
        "query?query=up&timeout=abc", "query?query=1&time=1700000000.123", "query?query=%22x%22&time=1700000000",
        "query?query=vector(1)%2F0&time=1", "query?query=vector(0)%2F0&time=1", "query?query=-vector(1)%2F0&time=1",
        "query?query=1e30&time=1", "query?query=vector(1e30)&time=1",
        "query?query=vector(1e-7)&time=1", "query?query=vector(1e20)&time=1", "query?query=0.1%2B0.2&time=1",
        "query?query=1e-7&time=1",
        "query?query=123456789012345678&time=1", "query?query=rate(up)", "query?query=up+and+1", "query?query=1+>+2",
        "query?query=temperature_celsius&time=2023-11-14T22:13:20Z", "query?query=absent(nope)&time=1",
        "query?query=%7B__name__%3D~%22.*%22%7D", "query?query=up&stats=all", "query?query=requests_total%5B5s%5D",
        "query_range", "query_range?query=up", "query_range?query=up&start=1", "query_range?query=up&start=1&end=2",
        "query_range?query=up&start=1&end=2&step=0", "query_range?query=up&start=1&end=2&step=-1",
        "query_range?query=up&start=1&end=2&step=x", "query_range?query=up&start=2&end=1&step=1",
        "query_range?query=up&start=0&end=1e9&step=1", "query_range?query=1&start=1&end=3&step=1",
        "query_range?query=up&start=1&end=2&step=1&timeout=1s", "series", "series?match[]=up%7B",
        "series?match[]=%7B%7D", "series?match[]=up&start=x", "series?match[]=rate(up%5B5m%5D)", "series?match[]=nope",
        "series?match[]=requests_total", "labels?match[]=requests_total", "labels?start=x", "labels?match[]=nope",
        "label/job/values?match[]=up", "label/route/values", "label/nope/values", "metadata?metric=requests_total",
        "metadata?limit=x", "metadata?limit=0", "metadata?metric=nope", "rules?type=x",
        "format_query?query=sum(up)by(job)",
        "format_query?query=up%7B", "alerts", "alertmanagers", "status/walreplay", "status/buildinfo", "status/config",
        "query?query=up&time=", "query?query=up&time=2023-11-14", "query?query=up&timeout=1x",
        "query?query=up&timeout=1e30", "query?query=up&timeout=1m30s", "query?query=up&stats=",
        "query?query=1&time=1.0005",
        "query?query=1&time=-1.5", "query?query=vector(1)&time=1.23", "query?query=!&time=1",
        "query?query=up%7Ba%3D~%22*%22%7D&time=1",
        "query?query=up%7Ba%3D~%22a**%22%7D&time=1",
        "query?query=up%20@%20x&time=1", "query?query=abs(1%2C2)&time=1", "query?query=nofunc(1)&time=1",
        "query?query=up%20%2B%20bool%20up&time=1", "query?query=%22%5Cq%22&time=1", "query?query=%60abc&time=1",
        "query?query=label_replace(vector(1)%2C%22a%22%2C%22%3Cx%3E%22%2C%22%22%2C%22%22)&time=1",
        "query_range?query=1&start=0&end=11000&step=1", "query_range?query=1&start=0&end=11001&step=1",
        "query_range?query=1&start=1&end=2&step=Inf", "query_range?query=time()&start=1&end=3&step=0.5",
        "query_exemplars?query=up&start=x", "query_exemplars?query=up&start=2&end=1",
        "query_exemplars?query=(&start=1&end=2", "labels?start=1&end=2", "labels?start=2&end=1",
        "labels?match[]=up&start=2&end=1",
        "label/job/values?start=1&end=2", "label/job/values?start=2&end=1",
        "label/job/values?match[]=up&start=2&end=1",
        "series?match[]=up&start=2&end=1", "series?match[]=up&match[]=up",
        "scrape_pools", "targets/metadata",
        "targets/metadata?metric=requests_total", "targets/metadata?metric=nope", "targets/metadata?limit=1",
        "targets/metadata?limit=0", "targets/metadata?limit=x", "targets/metadata?limit=-1",
        "targets/metadata?match_target=%7Bjob%3D%22shop%22%7D", "targets/metadata?match_target=%7Bjob%3D%22nope%22%7D",
        "targets/metadata?match_target=%7Bjob%3D%22shop%22%7D&metric=temperature_celsius&limit=1",
        "targets/metadata?match_target=%7Bjob%3D",
        "nope", "admin/nope",
    ]

    private func answersAreAlike(_ pair: MonitoredPair) async throws {
        for request in Self.requests {
            let ours = try await HTTPGet(pair.sidecar.url + "/api/v1/" + request)
            let theirs = try await HTTPGet(pair.prometheusURL + "/api/v1/" + request)
            #expect(ours.status == theirs.status, "\(request)")
            guard let answer = Self.object(ours), let peer = Self.object(theirs) else {
                #expect(ours.text == theirs.text, "\(request)")
                continue
            }
            for member in ["status", "errorType", "error"] {
                #expect(answer[member] as? String == peer[member] as? String, "\(request): \(member)")
            }
            #expect(Self.form(answer["data"]) == Self.form(peer["data"]), "\(request)")
            if request.hasSuffix("time=1") || request.contains("time=17") {
                #expect(try Self.text(answer) == Self.text(peer), "\(request)")
            }
        }
        for method in ["PUT", "PATCH"] {
            #expect(try await HTTPGet(pair.sidecar.url + "/api/v1/query?query=1", method: method).status == 405)
            #expect(try await HTTPGet(pair.prometheusURL + "/api/v1/query?query=1", method: method).status == 405)
        }
    }

    private static func object(_ answer: HTTPGet) -> [String: Any]? {
        try? JSONSerialization.jsonObject(with: answer.body) as? [String: Any]
    }

    private static func text(_ answer: [String: Any]) throws -> String {
        let data = try JSONSerialization.data(withJSONObject: answer["data"] ?? [:], options: [.sortedKeys])
        return String(decoding: data, as: UTF8.self)
    }

    /// The names of members and the kinds of values, the variants in a list once each.
    private static func form(_ value: Any?) -> String {
        switch value {
        case let object as [String: Any]:
            return "{" + object.keys.sorted().map { "\($0):\(form(object[$0]))" }.joined(separator: ",") + "}"
        case let list as [Any]: return "[" + Set(list.map { form($0) }).sorted().joined(separator: ",") + "]"
        case is String: return "text"
        case is NSNumber: return "number"
        case nil: return "nothing"
        default: return "null"
        }
    }

    // MARK: Command lines

    private func promtoolIsAnswered(_ pair: MonitoredPair) async throws {
        let now = Int(Date().timeIntervalSince1970) - 1
        let times = ["--start=\(now - 1)", "--end=\(now)", "--step=1s"]
        let commands: [[String]] = [
            ["instant", "URL", "temperature_celsius * 2"], ["instant", "URL", "1 + 1"], ["instant", "URL", "sum("],
            ["range"] + times + ["URL", "temperature_celsius"], ["series", "--match=requests_total", "URL"],
            ["labels", "URL", "route"], ["instant", "URL", "requests_total{route=\"/none\"}"],
        ]
        for command in commands {
            let ours = try await promtool(command, pair.sidecar.url)
            let theirs = try await promtool(command, pair.prometheusURL)
            #expect(ours == theirs, "\(command)")
        }
    }

    private func promtool(_ command: [String], _ url: String) async throws -> [String] {
        let words = ["query"] + command.map { $0 == "URL" ? url : $0 }
        return Self.comparable(try await ChildProcess.run("promtool", words), url)
    }

    /// Status and lines without what differs from call to call.
    private static func comparable(
        _ result: (exit: ChildProcess.Exit, output: String, error: String),
        _ url: String
    ) -> [String] {
        let lines = (result.output + result.error).split(separator: "\n").map { line in
            line.replacingOccurrences(of: url, with: "URL").replacing(/@\[[0-9.]+\]/, with: "")
        }
        return ["\(result.exit)"] + lines.sorted()
    }

    /// `sidecar query` prints what promtool prints, whichever server it asks.
    private func ourCommandsReadBoth(_ pair: MonitoredPair) async throws {
        let now = Int(Date().timeIntervalSince1970) - 1
        let range = ["--start", "\(now - 1)", "--end", "\(now)", "--step", "1s"]
        let commands: [(ours: [String], promtools: [String])] = [
            (["instant", "URL", "temperature_celsius"], ["instant", "URL", "temperature_celsius"]),
            (
                ["range", "URL", "temperature_celsius"] + range,
                ["range", "--start=\(now - 1)", "--end=\(now)", "--step=1s", "URL", "temperature_celsius"]
            ),
            (["series", "URL", "--match", "requests_total"], ["series", "--match=requests_total", "URL"]),
            (["labels", "URL", "route"], ["labels", "URL", "route"]),
        ]
        for url in [pair.prometheusURL, pair.sidecar.url] {
            for (ours, theirs) in commands {
                let words = ["query"] + ours.map { $0 == "URL" ? url : $0 }
                let printed = Self.comparable(try await ChildProcess.run(Programs.sidecar, words), url)
                #expect(printed == (try await promtool(theirs, url)), "\(ours)")
            }
            let refused = try await ChildProcess.run(Programs.sidecar, ["query", "instant", url, "sum("])
            #expect(refused.exit == .code(1))
            #expect(refused.error.contains("1:5: parse error: unclosed left parenthesis"))
        }
    }
}
