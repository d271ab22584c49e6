// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSONDocument
import Notifications
import SQLiteClient
import Synchronization
import TestSupport
import Testing
import TimeSeries

@Suite struct SilenceTests {
    private func json(_ id: String = "", from start: String, to end: String, value: String = "x") -> [UInt8] {
        Array(
            """
            {\(id.isEmpty ? "" : "\"id\":\"\(id)\",")"matchers":[{"name":"job","value":"\(value)","isRegex":false,"isEqual":true}],\
            "startsAt":"\(start)","endsAt":"\(end)","createdBy":"me","comment":"because"}
            """.utf8
        )
    }

    private func make(_ bench: Bench, _ body: [UInt8], at now: Double = 0) throws -> String {
        try #require(JSONValue(parsing: try bench.engine.postSilence(body, at: seconds(now)))["silenceID"]?.string)
    }

    private func states(_ bench: Bench, at now: Double) throws -> [String] {
        let list = try JSONValue(parsing: try bench.engine.silencesJSON(at: seconds(now))).array ?? []
        return list.map { ($0["id"]?.string ?? "") + " " + ($0["status"]?["state"]?.string ?? "") }
    }

    @Test func lifeOfASilence() throws {
        let bench = try Bench(configuration())
        let id = try make(bench, json(from: "2026-09-01T00:00:10Z", to: "2026-09-01T01:00:00Z"))
        #expect(try states(bench, at: 0) == ["\(id) pending"])
        #expect(try states(bench, at: 10) == ["\(id) active"])
        // A new end of the same silence keeps its id; another matcher makes another silence.
        let extended = try make(bench, json(id, from: "2026-09-01T00:00:10Z", to: "2026-09-01T02:00:00Z"), at: 20)
        #expect(extended == id)
        let other = try make(
            bench,
            json(id, from: "2026-09-01T00:00:10Z", to: "2026-09-01T02:00:00Z", value: "y"),
            at: 30
        )
        #expect(other != id)
        #expect(try states(bench, at: 31) == ["\(other) active", "\(id) expired"])
        try bench.engine.deleteSilence(id: other, at: seconds(40))
        #expect(try states(bench, at: 41) == ["\(other) expired", "\(id) expired"])
        let again = #expect(throws: APIError.self) { try bench.engine.deleteSilence(id: other, at: seconds(41)) }
        #expect(again?.status == 500)
        let missing = #expect(throws: APIError.self) { try bench.engine.deleteSilence(id: "no", at: seconds(41)) }
        #expect(missing?.status == 404)
    }

    @Test(
        arguments: [
            #"{"matchers":[],"startsAt":"2026-09-01T00:00:00Z","endsAt":"2026-09-01T01:00:00Z","createdBy":"a","comment":"b"}"#,
            #"{"matchers":[{"name":"a","value":""}],"startsAt":"2026-09-01T00:00:00Z","endsAt":"2026-09-01T01:00:00Z","createdBy":"a","comment":"b"}"#,
            #"{"matchers":[{"name":"a","value":".*","isRegex":true}],"startsAt":"2026-09-01T00:00:00Z","endsAt":"2026-09-01T01:00:00Z","createdBy":"a","comment":"b"}"#,
            #"{"matchers":[{"name":"a","value":"(","isRegex":true}],"startsAt":"2026-09-01T00:00:00Z","endsAt":"2026-09-01T01:00:00Z","createdBy":"a","comment":"b"}"#,
            #"{"matchers":[{"name":"a","value":"b"}],"startsAt":"2026-09-01T02:00:00Z","endsAt":"2026-09-01T01:00:00Z","createdBy":"a","comment":"b"}"#,
            #"{"matchers":[{"name":"a","value":"b"}],"startsAt":"2025-09-01T00:00:00Z","endsAt":"2025-09-01T01:00:00Z","createdBy":"a","comment":"b"}"#,
            #"{"matchers":[{"name":"a","value":"b"}],"startsAt":"2026-09-01T00:00:00Z","endsAt":"2026-09-01T01:00:00Z","comment":"b"}"#,
            #"{"matchers":[{"name":"a"}]}"#, #"[]"#, #"{"#, "",
        ]
    )
    func refuses(body: String) throws {
        let bench = try Bench(configuration())
        let error = #expect(throws: APIError.self) { try bench.engine.postSilence(Array(body.utf8), at: seconds(0)) }
        #expect(error?.status == 400)
    }

    @Test func filtersAndRestarts() throws {
        let database = try SQLiteDatabase(path: nil)
        let bench = try Bench(configuration(), database: database)
        let id = try make(bench, json(from: "2026-09-01T00:00:00Z", to: "2026-09-01T01:00:00Z"))
        let again = try Bench(configuration(), database: database, at: seconds(5))
        let found = { (filter: String) in
            try JSONValue(parsing: try again.engine.silencesJSON(filter: [filter], at: seconds(5))).array?.count
        }
        #expect(try found("job=x") == 1 && found("job=y") == 0 && found("job=~x|y") == 1 && found("other=z") == 0)
        let one = try JSONValue(parsing: try again.engine.silenceJSON(id: id, at: seconds(5)))
        #expect(one["createdBy"]?.string == "me" && one["matchers"]?.array?.first?["isEqual"]?.bool == true)
        again.process([alert([("alertname", "A"), ("job", "x")], from: 5)], at: 5)
        #expect(again.delivered.isEmpty)
    }
}

@Suite struct AlertsAPITests {
    @Test func postedAlertsLastUntilTheirEndOrTheTimeout() throws {
        let bench = try Bench(configuration(interval: 10))
        let body = #"[{"labels":{"alertname":"P","empty":""},"annotations":{"a":"b"},"generatorURL":"http://x"}]"#
        let posted = try bench.engine.postedAlerts(Array(body.utf8), at: seconds(0))
        bench.perform(bench.engine.process(posted, at: seconds(0)), at: seconds(0))
        #expect(posted.first?.labels == ["alertname": "P"])
        bench.run(until: 299)
        #expect(bench.story == ["firing: P=firing"])
        bench.run(until: 311)
        #expect(bench.story == ["firing: P=firing", "resolved: P=resolved"])
    }

    @Test func repeatedPostsKeepTheirStart() throws {
        let bench = try Bench(configuration())
        for time in stride(from: 0.0, to: 600, by: 60) {
            let posted = try bench.engine.postedAlerts(
                Array(#"[{"labels":{"alertname":"P"}}]"#.utf8),
                at: seconds(time)
            )
            bench.process(posted, at: time)
        }
        #expect(bench.engine.currentAlerts.first?.startsAt == seconds(0))
        #expect(bench.delivered.count == 1)
    }

    @Test(
        arguments: [
            "{}", "[{}]", #"[{"labels":{}}]"#, #"[{"labels":{"a":1}}]"#, #"[{"labels":{"":"x"}}]"#,
            #"[{"labels":{"a":"b"},"startsAt":"yesterday"}]"#,
            #"[{"labels":{"a":"b"},"startsAt":"2026-09-01T01:00:00Z","endsAt":"2026-09-01T00:00:00Z"}]"#, "[",
            "nonsense",
        ]
    )
    func refusesBadPosts(body: String) throws {
        let bench = try Bench(configuration())
        let error = #expect(throws: APIError.self) { try bench.engine.postedAlerts(Array(body.utf8), at: seconds(0)) }
        #expect(error?.status == 400)
    }

    @Test func queriesFilter() throws {
        var configuration = configuration(groupBy: .labels(["job"]))
        configuration.inhibitionRules = [
            InhibitionRule(sourceMatchers: [try matcher("alertname=S")], targetMatchers: [try matcher("alertname=T")])
        ]
        let bench = try Bench(configuration)
        bench.process(["S", "T", "U"].map { alert([("alertname", $0), ("job", "x")]) }, at: 0)
        let silence = Silence(
            matchers: [try matcher("alertname=U")],
            startsAt: seconds(0),
            endsAt: seconds(100),
            createdBy: "a",
            comment: "b"
        )
        let id = try bench.engine.setSilence(silence, at: seconds(0))
        func names(_ parameters: [(name: String, value: String)]) throws -> Set<String> {
            let bytes = bench.engine.alertsJSON(try AlertQuery(parameters), at: seconds(1))
            return Set((try JSONValue(parsing: bytes).array ?? []).compactMap { $0["labels"]?["alertname"]?.string })
        }
        #expect(try names([]) == ["S", "T", "U"])
        #expect(try names([("silenced", "false")]) == ["S", "T"] && names([("inhibited", "false")]) == ["S", "U"])
        #expect(
            try names([("active", "false")]) == ["T", "U"]
                && names([("filter", "alertname=~S|T"), ("filter", "job=x")]) == ["S", "T"]
        )
        #expect(try names([("receiver", "on.*")]).count == 3 && names([("receiver", "on")]).isEmpty)
        #expect(throws: APIError.self) { try names([("active", "perhaps")]) }
        #expect(throws: APIError.self) { try names([("receiver", "(")]) }
        let all = try #require(JSONValue(parsing: bench.engine.alertsJSON(AlertQuery(), at: seconds(1))).array)
        let silenced = try #require(all.first { $0["labels"]?["alertname"]?.string == "U" })
        #expect(silenced["status"]?["state"]?.string == "suppressed")
        #expect(silenced["status"]?["silencedBy"]?.array == [.string(id)])
        #expect(silenced["receivers"]?.array?.first?["name"]?.string == "oncall")
        let groups = try #require(JSONValue(parsing: bench.engine.alertGroupsJSON(AlertQuery(), at: seconds(1))).array)
        #expect(groups.count == 1 && groups[0]["alerts"]?.array?.count == 3)
        #expect(groups[0]["labels"]?["job"]?.string == "x")
    }

    @Test func historyTellsTheWholeStory() throws {
        let bench = try Bench(configuration())
        bench.process([alert([("alertname", "A")])], at: 0)
        bench.process([alert([("alertname", "A")], until: 90)], at: 90)
        let lines = try bench.history().map { "\($0.kind.rawValue) \($0.status) \($0.alertName) \($0.reason)" }
        #expect(
            lines.filter { !$0.hasPrefix("reloaded") } == [
                "queued firing A first notification", "sent firing A first notification",
                "queued resolved A all alerts resolved", "sent resolved A all alerts resolved",
            ]
        )
    }

    @Test func testNotificationFiresAndResolves() throws {
        let bench = try Bench(configuration())
        #expect(!bench.engine.sendTest(receiver: "nobody", at: seconds(0)))
        #expect(bench.engine.sendTest(receiver: "oncall", at: seconds(0)))
        bench.run(until: 1)
        #expect(bench.story == ["firing: SidecarTest=firing", "resolved: SidecarTest=resolved"])
        #expect(bench.engine.currentAlerts.isEmpty)
        #expect(bench.engine.destinations(of: ["alertname": "X"]).map(\.receiver) == ["oncall"])
    }
}

/// Debian's amtool against the engine behind a real socket.
@Suite(.timeLimit(.minutes(1)))
struct AmtoolTests {
    /// One engine, used by one request at a time.
    private final class Server: @unchecked Sendable {
        private let engine: NotificationEngine
        private let lock = NSLock()
        private var now: Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

        init() throws {
            var configuration = configuration(receivers: [webhook("oncall"), webhook("other")])
            configuration.original = "route:\n  receiver: oncall\nreceivers:\n- name: oncall\n- name: other\n"
            engine = try NotificationEngine(
                configuration: configuration,
                database: try SQLiteDatabase(path: nil),
                random: { UInt64.random(in: 0 ... .max) },
                at: Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
            )
        }

        func answer(_ request: RecordedRequest) -> HTTPAnswer {
            lock.withLock {
                do {
                    return try route(request)
                } catch {
                    var answer = HTTPAnswer((error as? APIError)?.status ?? 500)
                    answer.headers = [(name: "Content-Type", value: "application/json")]
                    answer.body = (error as? APIError)?.body ?? Array("\"\(error)\"".utf8)
                    return answer
                }
            }
        }

        private func route(_ request: RecordedRequest) throws -> HTTPAnswer {
            let url = URLComponents(string: request.target)
            let parameters = (url?.queryItems ?? []).map { (name: $0.name, value: $0.value ?? "") }
            var answer = HTTPAnswer()
            answer.headers = [(name: "Content-Type", value: "application/json")]
            let path = url?.path ?? ""
            switch (request.method, path) {
            case ("GET", "/api/v2/status"):
                answer.body = engine.statusJSON(version: "0.1", revision: "", startedAt: now)
            case ("GET", "/api/v2/receivers"): answer.body = engine.receiversJSON()
            case ("GET", "/api/v2/alerts"): answer.body = engine.alertsJSON(try AlertQuery(parameters), at: now)
            case ("GET", "/api/v2/alerts/groups"):
                answer.body = engine.alertGroupsJSON(try AlertQuery(parameters), at: now)
            case ("POST", "/api/v2/alerts"): _ = engine.process(try engine.postedAlerts(request.body, at: now), at: now)
            case ("GET", "/api/v2/silences"):
                let filter = parameters.filter { $0.name == "filter" }.map(\.value)
                answer.body = try engine.silencesJSON(filter: filter, at: now)
            case ("POST", "/api/v2/silences"): answer.body = try engine.postSilence(request.body, at: now)
            case ("GET", _) where path.hasPrefix("/api/v2/silence/"):
                answer.body = try engine.silenceJSON(id: String(path.dropFirst(16)), at: now)
            case ("DELETE", _) where path.hasPrefix("/api/v2/silence/"):
                try engine.deleteSilence(id: String(path.dropFirst(16)), at: now)
            default: answer.status = 404
            }
            return answer
        }
    }

    @Test func queriesAlertsAndManagesSilences() async throws {
        let server = try Server()
        let receiver = try HTTPReceiver { server.answer($0) }
        defer { receiver.stop() }
        func amtool(_ arguments: String...) async throws -> (String, Int32) {
            let process = try ChildProcess("amtool", ["--alertmanager.url=\(receiver.url)"] + arguments)
            guard case .code(let code)? = await process.wait() else { throw TestSupportError("amtool did not end") }
            return (process.output, code)
        }
        func expect(_ text: String, _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation)
            async throws
        {
            let process = try ChildProcess("amtool", ["--alertmanager.url=\(receiver.url)"] + arguments)
            let exit = await process.wait()
            let output = process.output + process.errorOutput
            #expect(
                exit == .code(0) && (text.isEmpty || output.contains(text)),
                "\(output)",
                sourceLocation: sourceLocation
            )
        }
        try await expect("", ["alert", "add", "alertname=Disk", "severity=page", "--annotation=summary=full"])
        try await expect("Disk", ["alert", "query"])
        try await expect("Disk", ["alert", "query", "severity=~p.*", "--output=extended"])
        let (id, code) = try await amtool(
            "silence",
            "add",
            "alertname=Disk",
            "--comment=known",
            "--author=me",
            "--duration=1h"
        )
        let silence = id.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(code == 0 && UUID(uuidString: silence) != nil, "\(id)")
        try await expect(silence, ["silence", "query"])
        try await expect("known", ["silence", "query", "alertname=Disk", "--output=json"])
        try await expect("Disk", ["alert", "query", "--silenced"])
        #expect(try await !amtool("alert", "query").0.contains("Disk"))
        try await expect("", ["silence", "update", silence, "--comment=longer", "--duration=2h"])
        try await expect("", ["silence", "expire", silence])
        try await expect("Disk", ["alert", "query"])
        try await expect("receiver: oncall", ["config", "show"])
        try await expect("oncall", ["config", "routes", "test", "alertname=Disk"])
    }
}
