// SPDX-License-Identifier: Apache-2.0

import Exposition
import Foundation
import Testing

/// Prometheus stores exactly what was written, in each of the formats.
@Suite(.timeLimit(.minutes(1)))
struct PrometheusTests {
    private typealias Stored = [String: [[String: String]]]

    @Test func prometheusStoresWhatWasWritten() throws {
        var random = SeededRandom()
        print("seed \(random.seed)")
        let families = Self.families(using: &random)
        let native = Self.nativeFamily
        var bodies: [String: [UInt8]] = [:]
        for format in [ExpositionFormat.text, .openMetrics, .protobuf] {
            var writer = ExpositionWriter(format: format)
            for family in families { writer.write(family) }
            if format == .protobuf { writer.write(native) }
            writer.finish()
            bodies[format.contentType] = writer.bytes
        }
        let stored = try scrape(bodies)
        #expect(stored["errors"] == [])

        for format in [ExpositionFormat.text, .openMetrics] {
            let expected = try Self.samples(bodies[format.contentType] ?? [], format.encoding)
            Self.compare(stored[format.contentType] ?? [], expected, format.contentType)
        }
        // Protobuf holds the same samples as text; le and quantile come in the canonical form.
        var expected = try Self.samples(bodies[ExpositionFormat.openMetrics.contentType] ?? [], .openMetrics)
        expected = expected.filter { $0.key["__name__"]?.hasSuffix("_created") == false }
        Self.compare(stored[ExpositionFormat.protobuf.contentType] ?? [], expected, "protobuf")

        let histogram = try #require(stored["native"]?.first)
        #expect(histogram["count"] == "27" && histogram["sum"] == "123.5" && histogram["quantile"] == "8")
    }

    /// Numbers by labels, of what is not a native histogram.
    private static func compare(_ stored: [[String: String]], _ expected: [[String: String]: Double], _ what: String) {
        var read: [[String: String]: Double] = [:]
        for var sample in stored {
            guard let value = sample.removeValue(forKey: "value") else { continue }
            read[sample] = ExpositionNumber.parse(Array(value.utf8).span)
        }
        let missing = expected.filter { read[$0.key] != $0.value }
        let surplus = read.filter { expected[$0.key] == nil }
        #expect(missing.isEmpty && surplus.isEmpty && !read.isEmpty, "\(what): missing \(missing), surplus \(surplus)")
    }

    private static func samples(_ body: [UInt8], _ encoding: ExpositionFormat.Encoding) throws -> [[String: String]:
        Double]
    {
        var samples: [[String: String]: Double] = [:]
        var cursor = ExpositionCursor(encoding)
        while let entry = try cursor.next(in: body.span) {
            guard case .sample(let range, let value, _) = entry else { continue }
            let series = try ExpositionSeries(decoding: body.span.extracting(range))
            var labels = ["__name__": series.name]
            for label in series.labels where !label.value.isEmpty { labels[label.name] = label.value }
            samples[labels] = value
        }
        return samples
    }

    private static func families(using random: inout SeededRandom) -> [MetricFamily] {
        var families = RandomFamilies.make(40, native: false, using: &random).filter {
            // Prometheus 2.42 has neither gauge histograms in protobuf nor their suffixes in text.
            NameEscaping.isClassic($0.name) && $0.kind != .gaugeHistogram
        }
        for index in families.indices {
            families[index].metrics = families[index].metrics.map { metric in
                var metric = metric
                metric.timestampMilliseconds = nil
                metric.labels = SeriesLabels(
                    metric.labels.pairs.filter { NameEscaping.isClassic($0.name, isLabel: true) && !$0.value.isEmpty }
                )
                return metric
            }
            var seen: Set<SeriesLabels> = []
            families[index].metrics.removeAll { !seen.insert($0.labels).inserted }
        }
        return families
    }

    private static let nativeFamily = MetricFamily(
        name: "native_seconds",
        kind: .histogram,
        metrics: [
            Metric(
                value: .histogram(
                    .init(
                        count: 27,
                        sum: 123.5,
                        native: NativeHistogram(
                            schema: 0,
                            zeroThreshold: 0.001,
                            zeroCount: 1,
                            count: 27,
                            sum: 123.5,
                            positiveSpans: [.init(offset: -2, length: 2), .init(offset: 3, length: 1)],
                            positiveCounts: [10, 11, 5]
                        )
                    )
                )
            )
        ]
    )

    /// Serves the bodies, lets Prometheus scrape them, and asks it what it has.
    private func scrape(_ bodies: [String: [UInt8]]) throws -> Stored {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("exposition-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var types: [String: String] = [:]
        for (index, (type, body)) in bodies.enumerated() {
            try Data(body).write(to: folder.appendingPathComponent("body\(index)"))
            types["body\(index)"] = type
        }
        try JSONSerialization.data(withJSONObject: types).write(to: folder.appendingPathComponent("types.json"))
        let script = folder.appendingPathComponent("scrape.py")
        try Data(Self.script.utf8).write(to: script)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = [script.path, folder.path]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let data = try Data(contentsOf: folder.appendingPathComponent("result.json"))
        return try JSONDecoder().decode(Stored.self, from: data)
    }

    private static let script = """
        import http.server, json, os, socket, subprocess, sys, threading, time, urllib.parse, urllib.request
        folder = sys.argv[1]
        types = json.load(open(folder + "/types.json"))
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = open(folder + self.path, "rb").read()
                self.send_response(200)
                self.send_header("Content-Type", types[self.path[1:]])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *arguments): pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        target = "127.0.0.1:%d" % server.server_port
        jobs = [{"job_name": name, "metrics_path": "/" + name, "static_configs": [{"targets": [target]}]} for name in types]
        with open(folder + "/prometheus.yml", "w") as file:
            json.dump({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}, file)
        log = open(folder + "/log", "w")
        prometheus = subprocess.Popen(["/usr/bin/prometheus", "--config.file=" + folder + "/prometheus.yml", "--enable-feature=native-histograms",
            "--storage.tsdb.path=" + folder + "/data", "--web.listen-address=127.0.0.1:%d" % port], stdout=log, stderr=log)
        def get(path, **arguments):
            url = "http://127.0.0.1:%d%s?%s" % (port, path, urllib.parse.urlencode(arguments))
            return json.load(urllib.request.urlopen(url, timeout=5))["data"]
        def query(text):
            return [dict(sample["metric"], value=sample["value"][1]) for sample in get("/api/v1/query", query=text)["result"] if "value" in sample]
        try:
            errors = ["prometheus did not start"]
            for attempt in range(300):
                time.sleep(0.1)
                try:
                    targets = get("/api/v1/targets")["activeTargets"]
                except OSError:
                    continue
                errors = [target["lastError"] or "not scraped" for target in targets if target["health"] != "up"]
                if len(targets) == len(types) and (not errors or attempt > 100): break
            result = {"errors": [{"error": error} for error in errors]}
            for name, content in types.items():
                samples = query('{job="%s",__name__!~"up|scrape_.*|native_seconds"}' % name)
                for sample in samples:
                    del sample["job"], sample["instance"]
                result[content] = samples
            result["native"] = [{"count": (query("histogram_count(native_seconds)") or [{}])[0].get("value", ""), "sum": (query("histogram_sum(native_seconds)") or [{}])[0].get("value", ""),
                "quantile": (query("histogram_quantile(1, native_seconds)") or [{}])[0].get("value", "")}]
            json.dump(result, open(folder + "/result.json", "w"))
        finally:
            prometheus.kill()
            prometheus.wait()
        """
}
