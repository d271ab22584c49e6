// SPDX-License-Identifier: Apache-2.0

import Exposition
import Testing

/// Nothing that arrives may crash a reader, and all readers agree on what they read.
@Suite
struct MutationTests {
    static let protobuf: [UInt8] = {
        var writer = ExpositionWriter(format: .init(.protobuf, escaping: .allowUTF8))
        var random = SeededRandom(seed: 7)
        for family in RandomFamilies.make(12, native: true, using: &random) { writer.write(family) }
        writer.finish()
        return writer.bytes
    }()

    @Test(arguments: [(Bodies.text, ExpositionFormat.Encoding.text), (Bodies.openMetrics, .openMetrics)])
    func everyTruncationIsReadOrRefused(body: [UInt8], encoding: ExpositionFormat.Encoding) {
        let whole = Reading.cursor(body, encoding)
        for length in 0..<body.count {
            let cut = Array(body[..<length])
            let reading = Reading.cursor(cut, encoding)
            if encoding == .openMetrics {
                #expect((reading.error == nil) == (length >= body.count - 1), "cut at \(length)")
            }
            // All whole lines before the cut are read.
            let lines = cut.split(separator: 0x0a, omittingEmptySubsequences: false).dropLast()
            let complete = lines.filter { !$0.isEmpty && $0.first != UInt8(ascii: "#") }.count
            #expect(reading.samples.prefix(complete) == whole.samples.prefix(complete), "cut at \(length)")
            var reader = LayoutReader()
            var previous: [String] = []
            _ = Reading.layout(body, encoding, reader: &reader, previous: &previous) { $0 }
            let known = Reading.layout(cut, encoding, reader: &reader, previous: &previous) { _ in 13 }
            #expect(known.samples == reading.samples, "cut at \(length)")
            #expect((known.error == nil) == (reading.error == nil), "cut at \(length)")
        }
    }

    @Test(arguments: [(Bodies.text, ExpositionFormat.Encoding.text), (Bodies.openMetrics, .openMetrics)])
    func everyMutationIsReadAlikeByAllReaders(body: [UInt8], encoding: ExpositionFormat.Encoding) {
        var random = SeededRandom()
        print("seed \(random.seed)")
        var reader = LayoutReader(seed: 1)
        var previous: [String] = []
        for round in 0..<12_000 {
            let mutated = Self.mutate(body, using: &random)
            let expected = Reading.cursor(mutated, encoding)
            let size = Int.random(in: 1...300, using: &random)
            let reading = Reading.layout(mutated, encoding, reader: &reader, previous: &previous) { _ in size }
            // Duplicate labels are found on decoding, which the layout reader leaves to its caller.
            if expected.error?.contains("duplicate") == true || expected.error?.contains("reserved") == true {
                continue
            }
            guard reading.samples == expected.samples, reading.error == expected.error else {
                Issue.record("seed \(random.seed), round \(round): \(reading) is not \(expected)")
                return
            }
        }
    }

    @Test func everyTruncationAndMutationOfProtobufIsReadOrRefused() throws {
        let body = Self.protobuf
        let whole = try ProtobufReader.families(in: body.span)
        #expect(whole.count == 12)
        for length in 0..<body.count {
            let cut = Array(body[..<length])
            if let families = try? ProtobufReader.families(in: cut.span) {
                #expect(families == Array(whole.prefix(families.count)))
            }
        }
        var random = SeededRandom()
        print("seed \(random.seed)")
        for _ in 0..<20_000 {
            let mutated = Self.mutate(body, using: &random)
            let expected = try? ProtobufReader.families(in: mutated.span)
            if let expected {
                var writer = ExpositionWriter(format: .init(.protobuf, escaping: .allowUTF8))
                for family in expected { writer.write(family) }
                writer.finish()
                #expect(writer.count > 0 || expected.isEmpty)
            }
        }
    }

    /// Flips, inserts, removes, repeats and moves bytes, with a liking for those the formats care about.
    static func mutate(_ body: [UInt8], using random: inout SeededRandom) -> [UInt8] {
        var bytes = body
        if random.chance(30), !bytes.isEmpty {
            let start = Int.random(in: 0..<bytes.count, using: &random)
            bytes = Array(bytes[start..<min(bytes.count, start + Int.random(in: 1...200, using: &random))])
        }
        let special = Array("{}\",=#\\\n \t\r0159.eE+-_:NaInf".utf8) + [0, 0x7f, 0x80, 0xc3, 0xff]
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            guard !bytes.isEmpty else { return bytes }
            let position = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[position] = special.randomElement(using: &random) ?? 0
            case 2: bytes.insert(special.randomElement(using: &random) ?? 0, at: position)
            case 3: bytes.remove(at: position)
            case 4: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 5:
                let end = min(bytes.count, position + Int.random(in: 1...30, using: &random))
                bytes.insert(contentsOf: bytes[position..<end], at: Int.random(in: 0...bytes.count, using: &random))
            default:
                bytes.removeSubrange(position..<min(bytes.count, position + Int.random(in: 1...20, using: &random)))
            }
        }
        return bytes
    }
}
