// SPDX-License-Identifier: Apache-2.0

import Exposition
import Gzip
import Testing

@Suite
struct GzipTests {
    private func decompress(_ bytes: [UInt8], limit: Int = 1 << 24, pieces: Int = 1 << 20) throws -> [UInt8] {
        let decompressor = try GzipDecompressor(limit: limit)
        var output: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + pieces)
            _ = try decompressor.append(bytes.span.extracting(start..<end)) { piece in
                unsafe piece.withUnsafeBufferPointer { unsafe output.append(contentsOf: $0) }
                return true
            }
            start = end
        }
        try decompressor.finish()
        return output
    }

    @Test func whatIsCompressedComesBack() throws {
        var random = SeededRandom()
        print("seed \(random.seed)")
        for size in [0, 1, 100, 65_536, 300_000] {
            let body = (0..<size).map { _ in
                random.chance(80) ? UInt8(ascii: "a") : UInt8.random(in: 0...255, using: &random)
            }
            let whole = try GzipCompressor.compress(body.span, level: 6)
            #expect(try decompress(whole) == body)
            #expect(try decompress(whole, pieces: 7) == body)
            var compressor = try GzipCompressor()
            var pieces: [UInt8] = []
            var start = 0
            while start < size {
                let end = min(size, start + Int.random(in: 1...50_000, using: &random))
                compressor.append(body.span.extracting(start..<end), to: &pieces)
                start = end
            }
            compressor.finish(to: &pieces)
            #expect(try decompress(pieces) == body)
            #expect(try decompress(pieces + whole) == body + body)
        }
    }

    @Test func aBombStopsAtTheLimit() throws {
        let zeros = [UInt8](repeating: 0, count: 50_000_000)
        let bomb = try GzipCompressor.compress(zeros.span, level: 9)
        #expect(bomb.count < 100_000)
        let decompressor = try GzipDecompressor(limit: 1_000_000)
        var seen = 0
        #expect(throws: GzipError.tooLarge(limit: 1_000_000)) {
            _ = try decompressor.append(bomb.span) { piece in
                seen += piece.count
                return true
            }
        }
        #expect(seen <= 1_000_000)
    }

    @Test func damageIsNamed() throws {
        let body = Bodies.text
        let good = try GzipCompressor.compress(body.span)
        for length in 1..<good.count {
            #expect(throws: GzipError.truncated) { try decompress(Array(good[..<length])) }
        }
        #expect(throws: GzipError.damaged) { try decompress(Bodies.text) }
        #expect(throws: GzipError.damaged) { try decompress(good + [1, 2, 3, 4, 5]) }
        #expect(throws: GzipError.truncated) { try decompress([]) }
        var random = SeededRandom()
        for _ in 0..<2000 { _ = try? decompress(MutationTests.mutate(good, using: &random)) }
    }

    @Test func theHandlerCanStop() throws {
        let body = [UInt8](repeating: 7, count: 1_000_000)
        let compressed = try GzipCompressor.compress(body.span)
        let decompressor = try GzipDecompressor(limit: 1 << 24)
        let progress = try decompressor.append(compressed.span) { _ in false }
        #expect(progress.isStopped)
        #expect(decompressor.produced <= 16_384)
    }

    @Test func noMoreComesOutThanThereIsRoomFor() throws {
        var random = SeededRandom()
        print("seed \(random.seed)")
        for _ in 0..<200 {
            let size = Int.random(in: 0...400_000, using: &random)
            let repeats = random.chance(50)
            let body = (0..<size).map {
                repeats ? UInt8(truncatingIfNeeded: $0 >> 12) : UInt8.random(in: 0...255, using: &random)
            }
            let compressed = try GzipCompressor.compress(body.span)
            let decompressor = try GzipDecompressor()
            var output: [UInt8] = []
            var start = 0
            var isDrained = false
            while start < compressed.count || !isDrained {
                let end = min(compressed.count, start + Int.random(in: 1...5_000, using: &random))
                let room = Int.random(in: 1...50_000, using: &random)
                let before = output.count
                let progress = try decompressor.append(compressed.span.extracting(start..<end), room: room) { piece in
                    unsafe piece.withUnsafeBufferPointer { unsafe output.append(contentsOf: $0) }
                    return true
                }
                #expect(output.count - before < room + 16_384)
                start += progress.consumed
                isDrained = progress.isDrained
            }
            try decompressor.finish()
            #expect(output == body)
            #expect(decompressor.consumed == compressed.count)
        }
    }
}
