// SPDX-License-Identifier: Apache-2.0

import Exposition
import Testing

/// What one writer writes, its reader reads back as it was.
@Suite
struct RoundTripTests {
    @Test func textReadsBack() throws {
        try roundTrip(.utf8Text, native: false) { family in
            // The text format has no created times, no exemplars, and fewer kinds.
            family.kind = [.info: .gauge, .stateSet: .gauge, .gaugeHistogram: .histogram][family.kind] ?? family.kind
            for index in family.metrics.indices { family.metrics[index].strip() }
        }
    }

    @Test func openMetricsReadsBack() throws {
        try roundTrip(.init(.openMetrics, escaping: .allowUTF8), native: false) { _ in }
    }

    @Test func protobufReadsBack() throws {
        try roundTrip(.init(.protobuf, escaping: .allowUTF8), native: true) { family in
            for index in family.metrics.indices { family.metrics[index].dropNativeExemplars() }
        }
    }

    private func roundTrip(_ format: ExpositionFormat, native: Bool, _ reduce: (inout MetricFamily) -> Void) throws {
        var random = SeededRandom()
        print("seed \(random.seed)")
        for _ in 0..<150 {
            let families = RandomFamilies.make(Int.random(in: 1...16, using: &random), native: native, using: &random)
            var writer = ExpositionWriter(format: format)
            for family in families { writer.write(family) }
            writer.finish()
            #expect(writer.seriesCount == families.reduce(0) { $0 + $1.metrics.count })
            let body = writer.bytes
            var read = try FamilyReader.families(in: body.span, encoding: format.encoding)
            var expected = families
            for index in expected.indices { reduce(&expected[index]) }
            for index in read.indices { reduce(&read[index]) }
            guard read == expected else {
                let different = zip(read, expected).first { $0 != $1 }
                Issue.record("seed \(random.seed): \(different?.0 as Any)\nis not \(different?.1 as Any)")
                return
            }
        }
    }

    @Test func escapedNamesAreClassicInEveryScheme() throws {
        var random = SeededRandom()
        print("seed \(random.seed)")
        for escaping in [NameEscaping.underscores, .dots, .values] {
            for encoding in [ExpositionFormat.Encoding.text, .openMetrics] {
                let families = RandomFamilies.make(16, native: false, using: &random)
                var writer = ExpositionWriter(format: .init(encoding, escaping: escaping))
                for family in families { writer.write(family) }
                writer.finish()
                let body = writer.bytes
                for family in try FamilyReader.families(in: body.span, encoding: encoding) {
                    #expect(NameEscaping.isClassic(family.name))
                    for metric in family.metrics {
                        for label in metric.labels.pairs { #expect(NameEscaping.isClassic(label.name, isLabel: true)) }
                    }
                }
            }
        }
    }
}

extension Metric {
    fileprivate mutating func strip() {
        createdMilliseconds = nil
        exemplar = nil
        if case .histogram(var histogram) = value {
            for index in histogram.buckets.indices { histogram.buckets[index].exemplar = nil }
            value = .histogram(histogram)
        }
    }

    fileprivate mutating func dropNativeExemplars() {
        if case .histogram(var histogram) = value {
            histogram.nativeExemplars = []
            value = .histogram(histogram)
        }
    }
}
