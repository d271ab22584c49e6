// SPDX-License-Identifier: Apache-2.0

import Exposition
import Testing

@Suite
struct WriterTests {
    private func render(_ format: ExpositionFormat, _ body: (inout ExpositionWriter) -> Void) -> String {
        var writer = ExpositionWriter(format: format)
        body(&writer)
        writer.finish()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static let exemplar = Exemplar(
        labels: ["trace_id": "abc"],
        value: 0.5,
        timestampMilliseconds: 1_725_184_800_100
    )

    private func sample(_ writer: inout ExpositionWriter) {
        writer.begin(FamilyHeader(name: "http_requests_total", kind: .counter, help: "Requests \"by\"\nstatus \\."))
        writer.write(
            ["method": "G\"E\\T\n", "code": "200"],
            count: 1027,
            createdMilliseconds: 1_725_184_800_123,
            exemplar: Self.exemplar
        )
        writer.write(["l.e": "x"], value: 1e6)
        writer.begin(FamilyHeader(name: "latency_seconds", kind: .histogram, help: "h", unit: "seconds"))
        let counts: [UInt64] = [1, 2, 5]
        writer.writeHistogram(
            .none,
            bounds: BucketBounds([1, 0.1, 1, .infinity, .nan]),
            cumulativeCounts: counts.span,
            sum: 1.25,
            createdMilliseconds: 5_000,
            exemplars: [nil, Self.exemplar]
        )
        writer.begin(FamilyHeader(name: "build", kind: .info))
        writer.write(["version": "1"], value: 1)
        writer.begin(FamilyHeader(name: "state", kind: .stateSet))
        writer.writeState(["state": "on"], isActive: true)
        writer.writeState(["state": "off"], isActive: false)
        writer.begin(FamilyHeader(name: "s", kind: .summary))
        writer.writeSummary(
            ["a": "b"],
            quantiles: [(0.5, 0.1), (1, 3)],
            count: 3,
            sum: 4.2,
            timestampMilliseconds: -1_500
        )
        writer.begin(FamilyHeader(name: "odd", kind: .counter))
        writer.write(.none, count: 3, createdMilliseconds: 1)
    }

    @Test func writesText() {
        #expect(
            render(.text, sample) == """
                # HELP http_requests_total Requests "by"\\nstatus \\\\.
                # TYPE http_requests_total counter
                http_requests_total{code="200",method="G\\"E\\\\T\\n"} 1027
                http_requests_total{l_e="x"} 1e+06
                # HELP latency_seconds h
                # TYPE latency_seconds histogram
                latency_seconds_bucket{le="0.1"} 1
                latency_seconds_bucket{le="1"} 2
                latency_seconds_bucket{le="+Inf"} 5
                latency_seconds_sum 1.25
                latency_seconds_count 5
                # TYPE build_info gauge
                build_info{version="1"} 1
                # TYPE state gauge
                state{state="on"} 1
                state{state="off"} 0
                # TYPE s summary
                s{a="b",quantile="0.5"} 0.1 -1500
                s{a="b",quantile="1"} 3 -1500
                s_sum{a="b"} 4.2 -1500
                s_count{a="b"} 3 -1500
                # TYPE odd counter
                odd 3

                """
        )
    }

    @Test func writesOpenMetrics() {
        #expect(
            render(.openMetrics, sample) == """
                # HELP http_requests Requests \\"by\\"\\nstatus \\\\.
                # TYPE http_requests counter
                http_requests_total{code="200",method="G\\"E\\\\T\\n"} 1027 # {trace_id="abc"} 0.5 1725184800.1
                http_requests_created{code="200",method="G\\"E\\\\T\\n"} 1725184800.123
                http_requests_total{l_e="x"} 1e+06
                # HELP latency_seconds h
                # TYPE latency_seconds histogram
                # UNIT latency_seconds seconds
                latency_seconds_bucket{le="0.1"} 1
                latency_seconds_bucket{le="1.0"} 2 # {trace_id="abc"} 0.5 1725184800.1
                latency_seconds_bucket{le="+Inf"} 5
                latency_seconds_sum 1.25
                latency_seconds_count 5
                latency_seconds_created 5
                # TYPE build info
                build_info{version="1"} 1
                # TYPE state stateset
                state{state="on"} 1
                state{state="off"} 0
                # TYPE s summary
                s{a="b",quantile="0.5"} 0.1 -1.5
                s{a="b",quantile="1.0"} 3 -1.5
                s_sum{a="b"} 4.2 -1.5
                s_count{a="b"} 3 -1.5
                # TYPE odd unknown
                odd 3
                # EOF

                """
        )
    }

    @Test(arguments: [
        (NameEscaping.allowUTF8, "{\"http.status ä_total\",\"l.e\"=\"é\",z=\"1\"} 1"),
        (.underscores, "http_status___total{l_e=\"é\",z=\"1\"} 1"),
        (.dots, "http_dot_status______total{l_dot_e=\"é\",z=\"1\"} 1"),
        (.values, "U__http_2e_status_20__e4___total{U__l_2e_e=\"é\",z=\"1\"} 1"),
    ])
    func escapesNames(escaping: NameEscaping, line: String) {
        let labels: SeriesLabels = ["z": "1", "l.e": "é"]
        for encoding in [ExpositionFormat.Encoding.text, .openMetrics] {
            let text = render(.init(encoding, escaping: escaping)) { writer in
                writer.begin(FamilyHeader(name: "http.status ä_total", kind: .counter))
                writer.write(labels, count: 1)
            }
            #expect(text.split(separator: "\n").contains { $0 == line }, "\(text)")
        }
    }

    @Test func exemplarsAreLimited() {
        var writer = ExpositionWriter(format: .openMetrics)
        writer.begin(FamilyHeader(name: "a_total", kind: .counter))
        writer.write(.none, count: 1, exemplar: Exemplar(labels: ["t": String(repeating: "ä", count: 127)], value: 1))
        writer.write(
            ["b": "c"],
            count: 1,
            exemplar: Exemplar(labels: ["t": String(repeating: "x", count: 128)], value: 1)
        )
        writer.begin(FamilyHeader(name: "g", kind: .gauge))
        writer.write(.none, value: 1, exemplar: Self.exemplar)
        writer.finish()
        #expect(writer.droppedExemplars == 1)
        let lines = String(decoding: writer.bytes, as: UTF8.self).split(separator: "\n")
        #expect(lines.filter { $0.contains(" # {") }.count == 1)
    }

    @Test func labelOrderAndDuplicatesDoNotMatter() {
        #expect(SeriesLabels([("b", "2"), ("a", "1")]) == SeriesLabels([("a", "1"), ("b", "2")]))
        #expect(SeriesLabels([("a", "1"), ("a", "2"), ("", "3")]).pairs.map(\.value) == ["1"])
        let labels: SeriesLabels = ["a\"\\\n": "b\"\\\n", "c": ""]
        #expect(labels.pairs.map(\.name) == ["a\"\\\n", "c"])
        #expect(labels.pairs.map(\.value) == ["b\"\\\n", ""])
        // Composed and decomposed characters are different names.
        #expect(SeriesLabels([("\u{e9}", "1"), ("e\u{301}", "2")]).pairs.count == 2)
    }

    @Test func aWriterIsUsedAgain() {
        var writer = ExpositionWriter(format: .openMetrics, capacity: 0)
        sample(&writer)
        writer.finish()
        let first = writer.bytes
        writer.finish()
        #expect(writer.bytes == first)
        writer.removeAll()
        #expect(writer.count == 0 && writer.seriesCount == 0)
        sample(&writer)
        writer.finish()
        #expect(writer.bytes == first)
        let count = unsafe writer.withUnsafeBytes { $0.count }
        #expect(count == first.count)
    }

    @Test func shortAndLongCountsDoNotTrap() {
        for format in [ExpositionFormat.text, .openMetrics, .protobuf] {
            for counts in [[], [1], [1, 2, 3, 4, 5]] as [[UInt64]] {
                var writer = ExpositionWriter(format: format)
                writer.begin(FamilyHeader(name: "", kind: .histogram))
                writer.writeHistogram(.none, bounds: BucketBounds([1]), cumulativeCounts: counts.span, sum: .nan)
                writer.finish()
                #expect(writer.count > 0)
            }
        }
    }
}
