// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension QueryAPITests {
    private func data(_ url: String) async throws -> [String: Any] {
        let answer = try await HTTPGet(url)
        #expect(answer.status == 200, "\(url): \(answer.text)")
        let object = try JSONSerialization.jsonObject(with: answer.body) as? [String: Any]
        return object?["data"] as? [String: Any] ?? [:]
    }

    private func error(_ url: String) async throws -> String {
        let answer = try await HTTPGet(url)
        #expect(answer.status == 400, "\(url)")
        let object = try JSONSerialization.jsonObject(with: answer.body) as? [String: Any]
        #expect(object?["errorType"] as? String == "bad_data")
        return object?["error"] as? String ?? ""
    }

    /// What Prometheus has learned since the version that stands beside.
    func laterAdditionsAreThere(_ url: String) async throws {
        let api = url + "/api/v1"
        func groups(_ data: [String: Any]) -> [String] {
            (data["groups"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
        }
        // A page at a time; a group without rules is on none.
        var pages: [[String]] = []
        var token: String?
        repeat {
            let next = token.map { "&group_next_token=\($0)" } ?? ""
            let page = try await data(api + "/rules?group_limit=2" + next)
            pages.append(groups(page))
            token = page["groupNextToken"] as? String
            #expect(token == nil || token?.count == 40)
        } while token != nil && pages.count < 5
        #expect(pages == [["pair", "second"], ["third"]])
        let alerts = try await data(api + "/rules?type=alert&group_limit=1")
        #expect(groups(alerts) == ["pair"] && alerts["groupNextToken"] != nil)
        #expect(try await groups(data(api + "/rules?type=record&rule_group[]=second&exclude_alerts=1")) == ["second"])
        #expect(try await groups(data(api + "/rules?match[]=%7Bkind=%22derived%22%7D")) == ["second"])
        for filter in ["type=ALERT&rule_group[]=second", "rule_name[]=nope", "rule_group[]=nope", "file[]=nope"] {
            #expect(try await groups(data(api + "/rules?" + filter)).isEmpty, "\(filter)")
        }
        for (query, words) in [
            (
                "group_next_token=x",
                "\"group_next_token\": group_limit needs to be present in order to paginate over the groups"
            ),
            ("group_limit=x", "\"group_limit\": group_limit needs to be a valid number"),
            ("group_limit=0", "\"group_limit\": group_limit needs to be greater than 0"),
            (
                "group_limit=1&group_next_token=x",
                "\"group_next_token\": invalid group_next_token 'x'. were rule groups changed?"
            ),
            (
                "exclude_alerts=x",
                "\"exclude_alerts\": error converting exclude_alerts: strconv.ParseBool: parsing \"x\": invalid syntax"
            ),
        ] {
            #expect(try await error(api + "/rules?" + query) == "invalid parameter " + words)
        }

        let features = try await data(api + "/features")
        #expect((features["promql_functions"] as? [String: Bool])?["rate"] == true)
        #expect((features["promql_functions"] as? [String: Bool])?["info"] == false)
        #expect((features["promql"] as? [String: Bool])?["per_query_lookback_delta"] == true)
        #expect((features["promql_operators"] as? [String: Bool])?["limitk"] == false)

        let now = Int(Date().timeIntervalSince1970)
        func count(_ query: String) async throws -> Int? {
            (try await data(api + query)["result"] as? [Any])?.count
        }
        #expect(try await count("/query?query=temperature_celsius&time=\(now)") == 1)
        #expect(try await count("/query?query=temperature_celsius&time=\(now + 100)&lookback_delta=10s") == 0)
        #expect(try await count("/query?query=temperature_celsius&time=\(now + 400)&lookback_delta=500") == 1)
        #expect(try await count("/query?query=temperature_celsius&time=\(now)&lookback_delta=-1") == 1)
        let range = "/query_range?query=temperature_celsius&start=\(now + 400)&end=\(now + 401)&step=1"
        #expect(try await count(range) == 0)
        #expect(try await count(range + "&lookback_delta=8m20s") == 1)
        #expect(
            try await error(api + "/query?query=up&lookback_delta=x")
                == "error parsing lookback delta duration: cannot parse \"x\" to a valid duration"
        )
    }

    /// Instant queries about a few known series are answered before HTTP is parsed: the answers must not show it.
    func lightQueriesAreAnsweredAlike(_ url: String) async throws {
        let now = Int(Date().timeIntervalSince1970)
        let queries = [
            "query=temperature_celsius", "query=rate(requests_total%5B1m%5D)", "query=1%2B1", "query=%22text%22",
            "query=sum(requests_total)&limit=1", "query=temperature_celsius&stats=all&limit=1", "query=1%2B",
            "query=temperature_celsius%5B5s%5D", "query=nothing_of_the_sort", "query=up&time=x", "query=up&limit=-1",
            "query=vector(1)%20%2B%20on()%20requests_total", "query=rate(temperature_celsius%5B1m%5D)", "query=",
        ]
        for query in queries {
            let target = url + "/api/v1/query?time=\(now).5&" + query
            let short = try await HTTPGet(target)
            let long = try await HTTPGet(target, headers: ["Accept": "application/json"])
            #expect(short.status == long.status, "\(query)")
            if !query.contains("stats") { #expect(short.text == long.text, "\(query)") }
            let heads = [short, long].map { answer in
                answer.headers.filter { $0.key != "date" && $0.key != "content-length" }
            }
            #expect(heads[0] == heads[1], "\(query)")
            #expect(short.headers["date"]?.hasSuffix("GMT") == true)
        }
        // Several on one connection, with others among them; then the connection ends as asked.
        let port = try #require(URL(string: url)?.port)
        let connection = try RawConnection(port: port)
        let light = "GET /api/v1/query?query=42&time=1 HTTP/1.1\r\nHost: a\r\n\r\n"
        for request in [light, light, "GET /api/v1/labels HTTP/1.1\r\nHost: a\r\n\r\n", light] {
            try connection.send(request)
            let answer = try await connection.read { $0.contains("\r\n\r\n") && $0.hasSuffix("}") }
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.contains("\"42\"") == (request == light))
        }
        for version in ["HTTP/1.1\r\nHost: a\r\nConnection: close", "HTTP/1.0"] {
            let closing = try RawConnection(port: port)
            try closing.send("GET /api/v1/query?query=42&time=1 \(version)\r\n\r\n")
            let answer = try await closing.read()
            #expect(answer.contains("\r\nConnection: close\r\n") && answer.hasSuffix("[1,\"42\"]}}"))
        }
        let pipelined = try RawConnection(port: port)
        try pipelined.send(light + light.replacing("42", with: "43"))
        let both = try await pipelined.read { $0.contains("\"43\"") }
        #expect(
            both.firstRange(of: "\"42\"").map {
                $0.lowerBound < both.firstRange(of: "\"43\"")?.lowerBound ?? both.endIndex
            } == true
        )
    }
}
