// SPDX-License-Identifier: Apache-2.0

import Exposition
import Testing

@Suite
struct ProtobufTests {
    /// A message of fields that are given as bytes, after its length.
    private func delimited(_ fields: [UInt8]...) -> [UInt8] {
        let body = fields.flatMap { $0 }
        precondition(body.count < 128, "one byte of length")
        return [UInt8(body.count)] + body
    }

    private func field(_ number: UInt8, _ contents: [UInt8]) -> [UInt8] {
        [number << 3 | 2, UInt8(contents.count)] + contents
    }

    private func name(_ text: String) -> [UInt8] { field(1, Array(text.utf8)) }

    private func read(_ bytes: [UInt8]) throws -> [MetricFamily] { try ProtobufReader.families(in: bytes.span) }

    private let one: [UInt8] = [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]

    @Test func piecesReadTheSame() throws {
        let body = MutationTests.protobuf
        let expected = try read(body)
        for size in [1, 2, 3, 7, 50, 1000] {
            var families: [MetricFamily] = []
            var reader = ProtobufReader()
            var start = 0
            while start < body.count {
                let end = min(body.count, start + size)
                _ = try reader.read(body.span.extracting(start..<end)) { family, metric in
                    if families.last?.name != family.name { families.append(family) }
                    families[families.count - 1].metrics.append(metric)
                    return true
                }
                start = end
            }
            try reader.end()
            #expect(families == expected)
            #expect(reader.metricsRead == expected.reduce(0) { $0 + $1.metrics.count })
        }
    }

    @Test func unpackedAndUnknownFieldsAreRead() throws {
        // Two deltas, each with its own tag, as Go's proto2 code writes them; field 99 is unknown.
        let span = field(12, [0x08, 0x02, 0x10, 0x02])
        let histogram: [UInt8] = [0x08, 5] + [0x28, 6] + span + [13 << 3, 4] + [13 << 3, 2] + [0x9a, 0x06, 1, 0]
        let metric = field(4, field(7, histogram))
        let families = try read(delimited(name("h"), [0x18, 4], metric))
        guard case .histogram(let read) = families.first?.metrics.first?.value else {
            Issue.record("no histogram")
            return
        }
        #expect(read.count == 5)
        #expect(read.native?.schema == 3)
        #expect(read.native?.positiveSpans == [.init(offset: 1, length: 2)])
        #expect(read.native?.positiveCounts == [2, 3])
        #expect(read.native?.isFloat == false)
    }

    @Test func anEmptyNativeHistogramStaysNative() throws {
        var writer = ExpositionWriter(format: .protobuf)
        writer.write(
            MetricFamily(
                name: "h",
                kind: .histogram,
                metrics: [Metric(value: .histogram(.init(count: 0, sum: 0, native: .init(schema: 3))))]
            )
        )
        writer.finish()
        guard case .histogram(let histogram) = try read(writer.bytes).first?.metrics.first?.value else {
            Issue.record("no histogram")
            return
        }
        #expect(histogram.native == NativeHistogram(schema: 3))
        #expect(histogram.buckets.isEmpty)
    }

    @Test func lengthBombsAndNonsenseAreRefused() {
        let cases: [([UInt8], ExpositionError.Problem)] = [
            ([0xff, 0xff, 0xff, 0xff, 0x7f], .messageTooLong),
            ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], .invalidMessage),
            ([0x05, 0x0a], .truncatedMessage), ([0x03, 0x0a, 0x7f, 0x61], .truncatedMessage),
            ([0x02, 0x00, 0x01], .invalidMessage), ([0x02, 0x0b, 0x01], .invalidMessage),
            (delimited(name("a"), [0x18, 9]), .invalidType), (delimited(name("a"), field(4, [])), .invalidValue),
            (delimited(field(4, field(2, one))), .invalidName),
            (delimited(name("a"), field(4, field(1, field(2, [0x61])) + field(2, one))), .invalidLabelName),
            (
                delimited(name("a"), field(4, field(1, field(1, [0x61])) + field(1, field(1, [0x61])) + field(2, one))),
                .duplicateLabelName
            ),
            (
                delimited(name("a"), field(4, field(1, field(1, Array("__name__".utf8))) + field(2, one))),
                .reservedLabelName
            ),
            (delimited(name("a"), field(4, field(1, field(1, [0xff])) + field(2, one))), .invalidUTF8),
            (delimited(field(1, [0xc0, 0x80])), .invalidUTF8),
            (
                delimited(name("a"), field(4, field(7, field(12, [0x10, 0xff, 0xff, 0xff, 0xff, 0x0f])))),
                .invalidHistogram
            ),
            (delimited(name("a"), field(4, field(7, field(12, [0x10, 0x01])))), .invalidHistogram),
            (delimited(name("a"), field(4, field(7, [0x28, 0x7e] + field(12, [])))), .invalidHistogram),
            (delimited(name("a"), field(4, field(7, field(12, [0x10, 0x01]) + [13 << 3, 1]))), .invalidHistogram),
            (delimited(name("a"), field(4, [0x12, 0x7f])), .truncatedMessage),
            (delimited(name("a"), field(4, field(2, [0x0d, 0, 0, 0, 0]))), .invalidMessage),
        ]
        for (index, (bytes, problem)) in cases.enumerated() {
            do {
                _ = try read(bytes)
                Issue.record("case \(index) was read")
            } catch let error as ExpositionError {
                #expect(error.problem == problem, "case \(index): \(error)")
            } catch {
                Issue.record("case \(index): \(error)")
            }
        }
    }

    @Test func aMetricBeyondTheLimitIsRefusedBeforeItArrives() {
        var reader = ProtobufReader(longestMetric: 100)
        let start: [UInt8] = [0xff, 0xff, 0x03] + name("a") + [0x22, 0xc8, 0x01]
        #expect(throws: ExpositionError(.messageTooLong, line: 1, column: 7)) {
            _ = try reader.read(start.span) { _, _ in true }
        }
    }

    @Test func noTargetCanForgeAStaleMarker() throws {
        let stale: [UInt8] = [0x09, 2, 0, 0, 0, 0, 0, 0xf0, 0x7f]
        guard
            case .number(let value) = try read(delimited(name("a"), field(4, field(2, stale)))).first?.metrics.first?
                .value
        else {
            Issue.record("no number")
            return
        }
        #expect(value.bitPattern == 0x7ff8_0000_0000_0001)
    }
}
