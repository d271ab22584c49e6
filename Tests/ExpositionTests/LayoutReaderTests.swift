// SPDX-License-Identifier: Apache-2.0

import Exposition
import Testing

@Suite
struct LayoutReaderTests {
    @Test(arguments: [(Bodies.text, ExpositionFormat.Encoding.text), (Bodies.openMetrics, .openMetrics)])
    func everyWayOfCuttingTheBodyReadsTheSame(body: [UInt8], encoding: ExpositionFormat.Encoding) {
        let expected = Reading.cursor(body, encoding)
        #expect(expected.error == nil)
        for size in 1...body.count {
            var reader = LayoutReader(seed: UInt64(size))
            var previous: [String] = []
            let first = Reading.layout(body, encoding, reader: &reader, previous: &previous) { _ in size }
            #expect(first == expected, "pieces of \(size)")
            let second = Reading.layout(body, encoding, reader: &reader, previous: &previous) { _ in size }
            #expect(second.samples == expected.samples, "pieces of \(size)")
            #expect(second.metadata.isEmpty)
            #expect(reader.samplesRead == expected.samples.count)
        }
    }

    @Test func aChangedBodyIsReadRight() {
        var random = SeededRandom()
        print("seed \(random.seed)")
        for _ in 0..<200 {
            var reader = LayoutReader(seed: random.next())
            var previous: [String] = []
            var lines = (0..<Int.random(in: 0...40, using: &random)).map { "m\($0 % 7){l=\"\($0)\"}" }
            for _ in 0..<8 {
                switch Int.random(in: 0..<6, using: &random) {
                case 0:
                    lines.insert(
                        "new{i=\"\(random.next() % 50)\"}",
                        at: Int.random(in: 0...lines.count, using: &random)
                    )
                case 1: if !lines.isEmpty { lines.remove(at: Int.random(in: 0..<lines.count, using: &random)) }
                case 2: lines.shuffle(using: &random)
                case 3:
                    lines.insert(
                        "# TYPE m\(random.next() % 7) gauge",
                        at: Int.random(in: 0...lines.count, using: &random)
                    )
                case 4: lines.removeLast(min(lines.count, 5))
                default: break
                }
                var body = ""
                for line in lines {
                    body += line
                    if !line.hasPrefix("#") { body += " \(random.next() % 1_000_000)" }
                    if !line.hasPrefix("#"), random.chance(5) { body += " 17" }
                    body += "\n"
                }
                let expected = Reading.cursor(Array(body.utf8))
                let size = Int.random(in: 1...200, using: &random)
                let reading = Reading.layout(Array(body.utf8), reader: &reader, previous: &previous) { _ in size }
                guard reading.samples == expected.samples, reading.error == nil else {
                    Issue.record("seed \(random.seed): \(reading) is not \(expected)")
                    return
                }
            }
        }
    }

    @Test func whatASlowBodyHasShownIsKnownTheNextTime() throws {
        var reader = LayoutReader()
        let lines = (0..<1_000).map { "a{n=\"\($0)\"} \($0)\n" }
        var known = 0
        var other = 0
        func read(_ lines: ArraySlice<String>) throws {
            (known, other) = (0, 0)
            let bytes = Array(lines.joined().utf8)
            let goesOn = try reader.read(bytes.span) { event, _, _ in
                switch event {
                case .known(let range): known += range.count
                case .sample: other += 1
                case .metadata: break
                }
                return true
            }
            #expect(goesOn)
        }
        reader.begin(.text)
        try read(lines[..<600])
        #expect(other == 600)
        let learned = reader.abandon(keepingMore: true)
        #expect(learned)
        // Less than is known is of no use.
        reader.begin(.text)
        try read(["b 1\n"])
        let again = reader.abandon(keepingMore: true)
        #expect(!again)
        reader.begin(.text)
        try read(lines[...])
        #expect(known == 600 && other == 400)
        let changed = try reader.end { _, _, _ in true }
        #expect(changed == true && reader.layout.sampleCount == 1_000)
        // Where the body itself is bad, nothing is kept of it.
        reader.begin(.text)
        try read(["c 1\n", "d 2\n"])
        let kept = reader.abandon()
        #expect(!kept)
        #expect(reader.layout.sampleCount == 1_000)
    }

    @Test func aFailedBodyLeavesTheLayout() {
        var reader = LayoutReader()
        var previous: [String] = []
        let body = Array("a 1\nb{x=\"y\"} 2\n".utf8)
        _ = Reading.layout(body, reader: &reader, previous: &previous) { $0 }
        let broken = Reading.layout(Array("a 1\nnew 3\nb{x=\"y} 2\n".utf8), reader: &reader, previous: &previous) { $0 }
        #expect(broken.error == "3:10: the quoted text does not end on its line")
        #expect(reader.layout.sampleCount == 2)
        let again = Reading.layout(body, reader: &reader, previous: &previous) { $0 }
        #expect(again.samples == ["a 1", "b{x=\"y\"} 2"])
    }

    @Test func theErrorHasTheLineOfTheBody() {
        var reader = LayoutReader()
        var previous: [String] = []
        let lines = (0..<5000).map { "metric{l=\"\($0)\"} \($0)" }
        let body = Array((lines + ["metric{l=\"x\"} oops"]).joined(separator: "\n").utf8)
        for _ in 0..<2 {
            let reading = Reading.layout(body, reader: &reader, previous: &previous) { _ in 777 }
            #expect(reading.error == "5001:15: expected a number as value")
            _ = Reading.layout(Array(lines.joined(separator: "\n").utf8), reader: &reader, previous: &previous) { _ in
                777
            }
        }
    }

    @Test func aLineThatNeverEndsIsRefused() {
        var reader = LayoutReader(longestLine: 1000)
        reader.begin(.text)
        let piece = [UInt8](repeating: UInt8(ascii: "a"), count: 100)
        #expect(throws: ExpositionError(.lineTooLong, line: 1, column: 1001)) {
            for _ in 0..<20 { _ = try reader.read(piece.span) { _, _, _ in true } }
        }
        reader.abandon()
        reader.begin(.text)
        #expect(throws: ExpositionError(.lineTooLong, line: 3, column: 1001)) {
            let chunk = Array("b 1\nc 2\n".utf8) + [UInt8](repeating: UInt8(ascii: "a"), count: 1001)
            _ = try reader.read(chunk.span) { _, _, _ in true }
        }
    }

    @Test func theHandlerCanStop() throws {
        var reader = LayoutReader()
        reader.begin(.text)
        var seen = 0
        let body = Array("a 1\nb 2\nc 3\n".utf8)
        let goesOn = try reader.read(body.span) { _, _, _ in
            seen += 1
            return seen < 2
        }
        #expect(!goesOn)
        #expect(seen == 2)
    }

    @Test func memoryIsTheSeriesAndLittleMore() {
        var reader = LayoutReader()
        var previous: [String] = []
        let names = (0..<10_000).map {
            "http_requests_total{route=\"/api/v1/bookings/\($0)\",method=\"GET\",status=\"200\"}"
        }
        let body = Array(names.map { $0 + " 1\n" }.joined().utf8)
        _ = Reading.layout(body, reader: &reader, previous: &previous) { _ in 16_384 }
        _ = Reading.layout(body, reader: &reader, previous: &previous) { _ in 16_384 }
        let text = names.reduce(0) { $0 + $1.utf8.count }
        #expect(reader.layout.memoryBytes <= text + text / 7 + 10_000 * 9)
    }
}
