// SPDX-License-Identifier: Apache-2.0

import Exposition

/// A small, fast generator; input n of a seed is the same everywhere.
struct FuzzRandom {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }
}

/// Real bodies in all formats, and what mutation makes of them.
struct FuzzCorpus {
    private let texts: [[UInt8]]
    private let openMetrics: [[UInt8]]
    private let protobufs: [[UInt8]]
    private static let special =
        Array("{}\",=#\\\n \t\r0159.eE+-_:NaInfle_total".utf8) + [0, 0x7f, 0x80, 0xc3, 0xed, 0xf4, 0xff]
    private static let words: [[UInt8]] = [
        "# TYPE ", "# HELP ", "# UNIT ", "# EOF\n", " # {a=\"b\"} 1 2\n", "1e309", "NaN", "+Inf", "-inf", "infinity",
        "9223372036854775808",
        "1.7976931348623157e308", "0.000000000000000000000000000000000000000000000001", "12345678901234567890123",
        "{\"a.b\",", "\"a.b\"=\"c\"", "_bucket{le=\"0.5\"} 3\n",
        "_count 3\n", "_created 1.5\n", "quantile=\"0.5\"", "__name__=\"x\"", "ä€😀", " 1725184800.123",
        " 1725184800123", "counter\n", "histogram\n", "summary\n", ",,", "}}", "\\n", "\\\"", "\\\\",
    ].map { Array($0.utf8) }

    init() {
        var texts: [[UInt8]] = []
        var openMetrics: [[UInt8]] = []
        var protobufs: [[UInt8]] = []
        for families in Self.families {
            for format in [
                ExpositionFormat.utf8Text, .init(.openMetrics, escaping: .allowUTF8),
                .init(.protobuf, escaping: .allowUTF8),
            ] {
                var writer = ExpositionWriter(format: format)
                for family in families { writer.write(family) }
                writer.finish()
                switch format.encoding {
                case .text: texts.append(writer.bytes)
                case .openMetrics: openMetrics.append(writer.bytes)
                case .protobuf: protobufs.append(writer.bytes)
                }
            }
        }
        texts.append(
            Array(
                "# c\n\n  a\t{ b = \"c\" , d = \"e\" , } +Inf 1395066363000 \nw{p=\"\\\"z\\\" \\\\ \\n ä\"} 1.5e3 -39\nx .5\ny 5.\nz 1e-7\n#\n# TYPE q untyped\nq nan\n"
                    .utf8
            )
        )
        self.texts = texts
        self.openMetrics = openMetrics
        self.protobufs = protobufs
    }

    private static var families: [[MetricFamily]] {
        let exemplar = Exemplar(
            labels: ["trace_id": "0af7651916cd43dd"],
            value: 0.67,
            timestampMilliseconds: 1_725_184_800_123
        )
        let histogram = MetricHistogram(
            count: 6,
            sum: 3.25,
            buckets: [
                .init(upperBound: 0.1, cumulativeCount: 3, exemplar: exemplar),
                .init(upperBound: 1, cumulativeCount: 5),
                .init(upperBound: .infinity, cumulativeCount: 6),
            ]
        )
        var both = histogram
        both.native = NativeHistogram(
            schema: 3,
            zeroThreshold: 1e-128,
            zeroCount: 1,
            count: 6,
            sum: 3.25,
            positiveSpans: [.init(offset: -2, length: 2), .init(offset: 1, length: 1)],
            positiveCounts: [1, 2, 1],
            negativeSpans: [.init(offset: 0, length: 1)],
            negativeCounts: [1]
        )
        both.nativeExemplars = [exemplar]
        var float = both
        float.count = 6.5
        float.native?.count = 6.5
        float.native?.positiveCounts = [1.5, 2, 1]
        float.native?.isFloat = true
        let counter = MetricFamily(
            name: "http_requests_total",
            kind: .counter,
            help: "Requests \"by\" status.\n",
            metrics: [
                Metric(
                    labels: ["code": "200", "method": "GET"],
                    value: .number(1027),
                    timestampMilliseconds: 1_725_184_800_123,
                    createdMilliseconds: 1_725_000_000_000,
                    exemplar: exemplar
                ),
                Metric(labels: ["code": "500", "l.e": "a\"b\\c\n"], value: .number(0.1)),
            ]
        )
        let latency = MetricFamily(
            name: "latency_seconds",
            kind: .histogram,
            unit: "seconds",
            metrics: [Metric(labels: ["a": "b"], value: .histogram(histogram), createdMilliseconds: 5)]
        )
        let summary = MetricFamily(
            name: "rpc",
            kind: .summary,
            metrics: [
                Metric(
                    value: .summary(.init(count: 2, sum: 1.5, quantiles: [.init(quantile: 0.5, value: 1)])),
                    createdMilliseconds: 7
                )
            ]
        )
        let small = [
            MetricFamily(name: "build_info", kind: .info, metrics: [Metric(labels: ["v": "1"], value: .number(1))]),
            MetricFamily(name: "state", kind: .stateSet, metrics: [Metric(labels: ["state": "on"], value: .number(1))]),
            MetricFamily(
                name: "my.gauge ä",
                kind: .gauge,
                help: "ä",
                metrics: [Metric(value: .number(-1.5e-300)), Metric(labels: ["x": "y"], value: .number(.nan))]
            ),
            MetricFamily(
                name: "u",
                kind: .unknown,
                metrics: [Metric(value: .number(.infinity), timestampMilliseconds: -1)]
            ),
        ]
        return [
            [counter], [latency, summary], small, [counter, latency, summary] + small,
            [
                MetricFamily(
                    name: "n",
                    kind: .histogram,
                    metrics: [Metric(value: .histogram(both)), Metric(labels: ["a": "b"], value: .histogram(float))]
                )
            ],
            [MetricFamily(name: "g", kind: .gaugeHistogram, metrics: [Metric(value: .histogram(histogram))])],
        ]
    }

    mutating func next(using random: inout FuzzRandom) -> ([UInt8], ExpositionFormat.Encoding) {
        let choice = random.below(10)
        let source = choice < 5 ? texts : choice < 8 ? openMetrics : protobufs
        var body = source[Int(random.below(UInt64(source.count)))]
        for _ in 0..<random.below(5) { Self.mutate(&body, using: &random) }
        return (body, choice < 5 ? .text : choice < 8 ? .openMetrics : .protobuf)
    }

    private static func mutate(_ body: inout [UInt8], using random: inout FuzzRandom) {
        guard !body.isEmpty else { return body.append(UInt8(truncatingIfNeeded: random.next())) }
        let position = Int(random.below(UInt64(body.count)))
        switch random.below(10) {
        case 0: body[position] = UInt8(truncatingIfNeeded: random.next())
        case 1: body[position] = special[Int(random.below(UInt64(special.count)))]
        case 2: body.insert(special[Int(random.below(UInt64(special.count)))], at: position)
        case 3: body.remove(at: position)
        case 4: body[position] ^= 1 << UInt8(random.below(8))
        case 5:
            let end = min(body.count, position + 1 + Int(random.below(40)))
            let part = Array(body[position..<end])
            body.insert(contentsOf: part, at: Int(random.below(UInt64(body.count + 1))))
        case 6: body.removeSubrange(position..<min(body.count, position + 1 + Int(random.below(30))))
        case 7: body.removeSubrange(position...)
        default: body.insert(contentsOf: words[Int(random.below(UInt64(words.count)))], at: position)
        }
    }
}
