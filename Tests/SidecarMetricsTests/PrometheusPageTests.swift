// SPDX-License-Identifier: Apache-2.0

import Exposition
import Foundation
import SidecarMetrics
import TestSupport
import Testing

/// What a service recorded is what Debian's Prometheus stores, in every format; promtool and Python agree with the page.
@Suite(.timeLimit(.minutes(1))) struct PrometheusPageTests {
    /// A registry with one of everything, and what must be stored of it: text samples by their series.
    private struct Service {
        let test = TestRegistry { $0.writesCreated = false }
        /// Numbers whose sums are exact, in whatever order they are added.
        let counts = [0.25: 3, 1.5: 5, 40.0: 2]

        init() {
            let registry = test.registry
            registry.counter("mails_sent", help: "Mails \\ with \"quotes\"\nand lines.").increment(by: 12_345_678)
            registry.counter("read_bytes", help: "Bytes.", unit: .bytes).increment(by: 0.1 + 0.2)
            registry.gauge("temperature_celsius", help: "Outside.").set(-1.5e-300)
            let bookings = registry.counter("bookings", help: "Bookings.", labels: BookingLabels.self)
            bookings.increment(BookingLabels(outcome: .success, room: "blue \"\\\n ä"), by: 7)
            bookings.increment(BookingLabels(outcome: .failure, room: "red"))
            let classic = registry.histogram("wait_seconds", help: "Waiting.", unit: .seconds, .buckets([0.5, 1, 10]))
            let native = registry.histogram("work_seconds", help: "Work.", unit: .seconds, .native(.init(schema: 2)))
            for (value, count) in counts {
                for _ in 0..<count {
                    classic.observe(value)
                    native.observe(value)
                }
            }
            native.observe(-3)
            native.observe(0)
            registry.info("build", help: "Build.", labels: [("version", "1.2.3")])
            _ = registry.stateSet("mode", help: "Mode.", initial: Outcome.failure)
        }

        func page(_ format: ExpositionFormat) -> [UInt8] { test.registry.render(format) }

        static let stored: [String: String] = [
            "mails_sent_total": "12345678", "read_bytes_total": "0.30000000000000004",
            "temperature_celsius": "-1.5e-300",
            #"bookings_total{outcome="success",room="blue \"\\\n ä"}"#: "7",
            #"bookings_total{outcome="failure",room="red"}"#: "1",
            #"wait_seconds_bucket{le="0.5"}"#: "3", #"wait_seconds_bucket{le=~"1(\\.0)?"}"#: "3",
            #"wait_seconds_bucket{le=~"10(\\.0)?"}"#: "8", #"wait_seconds_bucket{le="+Inf"}"#: "10",
            "wait_seconds_count": "10", "wait_seconds_sum": "88.25",
            #"build_info{version="1.2.3"}"#: "1",
            #"mode{mode="failure"}"#: "1", #"mode{mode="success"}"#: "0",
        ]
    }

    @Test func `prometheus stores what was recorded, native histograms included`() async throws {
        let service = Service()
        let pages = try HTTPReceiver { request in
            let accept = request.header("Accept")
            let format =
                switch request.target {
                case "/text": ExpositionFormat.text
                case "/openmetrics": ExpositionFormat.openMetrics
                default: ExpositionFormat.negotiate(accept: accept)
                }
            var answer = HTTPAnswer(200, headers: [("Content-Type", format.contentType)])
            answer.body = service.page(format)
            return answer
        }
        let jobs = ["text", "openmetrics", "negotiated"]
        let prometheus = try await Prometheus(jobs: jobs, target: pages.port)
        for job in jobs {
            let isScraped = try await waitUntil(deadline: .seconds(20), every: .milliseconds(200)) {
                try await prometheus.value("up{job=\"\(job)\"}") == "1"
            }
            try #require(isScraped, "\(job): \(prometheus.process.errorOutput.suffix(500))")
            for (series, value) in Service.stored {
                let selector = series.contains("{") ? series.dropLast() + "," : series + "{"
                let stored = try await prometheus.value(selector + "job=\"\(job)\"}")
                #expect(stored.flatMap { Double($0) } == Double(value), "\(job): \(series)")
            }
        }
        // Asked with the feature on, Prometheus prefers protobuf, and only protobuf carries native histograms.
        let asked = pages.requests.first { $0.target == "/negotiated" }?.header("Accept") ?? ""
        #expect(ExpositionFormat.negotiate(accept: asked).encoding == .protobuf)
        let histogram = try #require(try await prometheus.histogram(#"work_seconds{job="negotiated"}"#))
        #expect(histogram["count"] as? String == "12")
        #expect((histogram["sum"] as? String).flatMap { Double($0) } == 0.75 + 7.5 + 80 - 3)
        // Bounds of schema 2 are powers of the fourth root of two.
        let buckets = (histogram["buckets"] as? [[Any]])?.map { bucket in bucket.map { "\($0)" } } ?? []
        let root = exp2(0.25)
        for (value, count) in service.counts.merging([-3: 1], uniquingKeysWith: { $1 }) {
            let upper = exp2((log2(abs(value)) * 4).rounded(.up) / 4)
            let bounds = value > 0 ? (upper / root, upper) : (-upper, -upper / root)
            let found = buckets.first { bucket in
                guard let low = Double(bucket[1]), let high = Double(bucket[2]) else { return false }
                return abs(low / bounds.0 - 1) < 1e-9 && abs(high / bounds.1 - 1) < 1e-9
            }
            #expect(found?.last == "\(count)", "\(value) in \(buckets)")
        }
        #expect(buckets.count == 5)
        await prometheus.process.stop(SIGKILL)
    }

    @Test func `promtool finds nothing to say`() async throws {
        let directory = try TemporaryDirectory("page")
        let path = try directory.write(String(decoding: Service().page(.text), as: UTF8.self), to: "page.txt")
        let result = try await ChildProcess.run("sh", ["-c", "promtool check metrics < '\(path)'"])
        #expect(result.exit == .code(0), "\(result)")
        #expect(result.output + result.error == "")
    }

    @Test func `Python's OpenMetrics parser reads every sample`() async throws {
        let directory = try TemporaryDirectory("page")
        let page = String(decoding: Service().page(.openMetrics), as: UTF8.self)
        let path = try directory.write(page, to: "page.txt")
        let script = """
            from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
            families = list(parse(open('\(path)', newline='').read()))
            values = {s.name: s.value for f in families for s in f.samples if 'mails' in s.name}
            print(sum(len(f.samples) for f in families), values['mails_sent_total'])
            """
        let result = try await ChildProcess.run("/usr/bin/python3", ["-c", script])
        let samples = page.split(separator: "\n").filter { !$0.hasPrefix("#") }.count
        #expect(result.output == "\(samples) 12345678\n", "\(result)")
    }

    /// A Prometheus that scrapes three paths of one server once a second.
    private final class Prometheus: Sendable {
        let process: ChildProcess
        private let directory: TemporaryDirectory
        private let url: String

        init(jobs: [String], target: UInt16) async throws {
            directory = try TemporaryDirectory("prometheus")
            let scrapes = jobs.map { job in
                "- { job_name: \(job), metrics_path: /\(job), static_configs: [{ targets: [\"127.0.0.1:\(target)\"] }] }\n"
            }
            let path = try directory.write(
                "global: { scrape_interval: 1s }\nscrape_configs:\n" + scrapes.joined(),
                to: "prometheus.yml"
            )
            let port = try freePort()
            url = "http://127.0.0.1:\(port)/api/v1/query?query="
            process = try ChildProcess(
                "prometheus",
                [
                    "--config.file=\(path)", "--storage.tsdb.path=\(directory.path("data"))",
                    "--web.listen-address=127.0.0.1:\(port)", "--enable-feature=native-histograms",
                ]
            )
            let isUp = await waitUntil(deadline: .seconds(20), every: .milliseconds(50)) { accepts(port: port) }
            guard isUp else { throw TestSupportError("prometheus: \(process.errorOutput.suffix(500))") }
        }

        private func result(_ query: String) async throws -> [String: Any]? {
            let escaped = query.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            let answer = try await ChildProcess.run("curl", ["-s", url + escaped])
            let body = try? JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any]
            return ((body?["data"] as? [String: Any])?["result"] as? [[String: Any]])?.first
        }

        func value(_ query: String) async throws -> String? {
            (try await result(query)?["value"] as? [Any])?.last as? String
        }

        func histogram(_ query: String) async throws -> [String: Any]? {
            (try await result(query)?["histogram"] as? [Any])?.last as? [String: Any]
        }
    }
}
