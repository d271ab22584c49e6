// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension QueryAPITests {
    /// What Grafana asks of a data source: its health, its version, names for the editor, then the panels.
    func dashboardIsAnswered(_ url: String) async throws {
        let now = Int(Date().timeIntervalSince1970)
        let api = url + "/api/v1"
        func post(_ path: String, _ form: String) async throws -> [String: Any] {
            let headers = ["Content-Type": "application/x-www-form-urlencoded"]
            let answer = try await HTTPGet(api + path, headers: headers, method: "POST", body: form)
            #expect(answer.status == 200, "\(path) \(form): \(answer.text)")
            #expect(answer.headers["content-type"] == "application/json")
            return try JSONSerialization.jsonObject(with: answer.body) as? [String: Any] ?? [:]
        }
        func get(_ path: String) async throws -> [String: Any] {
            let answer = try await HTTPGet(api + path)
            #expect(answer.status == 200, "\(path): \(answer.text)")
            return try JSONSerialization.jsonObject(with: answer.body) as? [String: Any] ?? [:]
        }
        func list(_ answer: [String: Any]) -> [String] { answer["data"] as? [String] ?? [] }

        let sum = try await post("/query", "query=1%2B1&time=\(now)")
        #expect("\(sum["data"] ?? "")".contains("scalar"))
        let build = try await get("/status/buildinfo")["data"] as? [String: Any]
        #expect((build?["version"] as? String)?.isEmpty == false)
        #expect(list(try await get("/label/__name__/values")).contains("requests_total"))
        let names = list(try await post("/labels", "match%5B%5D=requests_total&start=\(now - 600)&end=\(now + 5)"))
        #expect(names == ["__name__", "instance", "job", "route"])
        let routes = try await get("/label/route/values?match[]=requests_total&start=\(now - 600)&end=\(now + 5)")
        #expect(list(routes) == ["/a", "/b"])
        let metadata = try await get("/metadata")["data"] as? [String: [[String: String]]]
        #expect(metadata?["requests_total"] == [["type": "counter", "help": "Requests handled.", "unit": ""]])
        let rules = try await get("/rules?type=alert")["data"] as? [String: [[String: Any]]]
        #expect(rules?["groups"]?.first?["name"] as? String == "pair")
        let labelled = try await get("/rules?match[]=%7Bseverity=%22page%22%7D")["data"] as? [String: [[String: Any]]]
        #expect((labelled?["groups"]?.first?["rules"] as? [[String: Any]])?.map { $0["name"] as? String } == ["Absent"])

        let panel = "query=sum+by+(route)+(rate(requests_total%5B1m%5D))&start=\(now - 60)&end=\(now)&step=1"
        let matrix = try await post("/query_range", panel)["data"] as? [String: Any]
        #expect(matrix?["resultType"] as? String == "matrix")
        #expect((matrix?["result"] as? [Any])?.count == 2)
        #expect((try await get("/query_exemplars?query=up&start=\(now - 60)&end=\(now)")["data"] as? [Any])?.count == 0)

        let limited = try await get("/query?query=requests_total&limit=1")
        #expect(((limited["data"] as? [String: Any])?["result"] as? [Any])?.count == 1)
        #expect(limited["warnings"] as? [String] == ["results truncated due to limit"])
        let series = try await get("/series?match[]=requests_total&limit=1")
        #expect((series["data"] as? [Any])?.count == 1)
        #expect(series["warnings"] as? [String] == ["results truncated due to limit"])
        for (limit, words) in [
            ("-1", "limit must be non-negative"), ("x", "strconv.Atoi: parsing \"x\": invalid syntax"),
        ] {
            let refused = try await HTTPGet(api + "/query?query=up&limit=\(limit)")
            #expect(refused.status == 400)
            let answer = try JSONSerialization.jsonObject(with: refused.body) as? [String: String]
            #expect(answer?["error"] == "invalid parameter \"limit\": \(words)")
        }
        let statistics = try await get("/status/tsdb?limit=1")["data"] as? [String: Any]
        #expect((statistics?["seriesCountByMetricName"] as? [Any])?.count == 1)
    }

    func explains(_ url: String) async throws {
        let expression = "sum%20by%20(route)%20(rate(requests_total%5B1m%5D))%20%2F%20nothing_of_the_sort"
        let answer = try await JSONAnswer(url + "/api/v1/query?explain=1&query=" + expression)
        let explain = try #require((answer["data"] as? [String: Any])?["explain"] as? [String: Any])
        #expect(explain["matchedNothing"] as? [String] == ["nothing_of_the_sort"])
        #expect(explain["series"] as? Int == 2)
        #expect((explain["samples"] as? Int ?? 0) >= 4)
        let plan = try #require(explain["plan"] as? [String: Any])
        let inputs = try #require(plan["inputs"] as? [[String: Any]])
        #expect(
            inputs.map { $0["expression"] as? String } == [
                "sum by (route) (rate(requests_total[1m]))", "nothing_of_the_sort",
            ]
        )
        #expect(inputs.first?["evaluation"] as? String == "series by series, from running totals")
    }

    func pythonIsAnswered(_ url: String) async throws {
        let python = try await PythonEnvironment.interpreter(with: "prometheus-api-client")
        let program = """
            import sys, datetime
            from prometheus_api_client import PrometheusConnect
            p = PrometheusConnect(url=sys.argv[1], disable_ssl=True)
            assert p.check_prometheus_connection()
            assert "requests_total" in p.all_metrics()
            assert "route" in p.get_label_names()
            assert p.get_label_values("route") == ["/a", "/b"]
            values = p.get_current_metric_value("requests_total", label_config={"route": "/a"})
            assert len(values) == 1 and float(values[0]["value"][1]) >= 3, values
            assert p.custom_query("sum(rate(requests_total[1m]))")
            end = datetime.datetime.now(); start = end - datetime.timedelta(seconds=30)
            assert len(p.custom_query_range("requests_total", start_time=start, end_time=end, step="1s")) == 2
            data = p.get_metric_range_data("requests_total", start_time=start, end_time=end)
            assert sorted(m["metric"]["route"] for m in data) == ["/a", "/b"], data
            assert len(data[0]["values"]) > 2
            assert len(p.get_targets()["activeTargets"]) == 1
            print("fine")
            """
        let result = try await ChildProcess.run(python, ["-c", program, url])
        #expect(result.exit == .code(0), "\(result.error)")
        #expect(result.output.hasSuffix("fine\n"))
    }
}
