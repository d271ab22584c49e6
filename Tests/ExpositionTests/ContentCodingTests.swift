// SPDX-License-Identifier: Apache-2.0

import ContentEncoding
import Exposition
import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ContentCodingTests {
    @Test(
        arguments: [
            (nil, .identity), ("", .identity), ("gzip", .gzip), ("GZIP", .gzip), ("x-gzip", .gzip),
            ("gzip;q=0", .identity), ("deflate, gzip;q=0.5", .gzip), ("*", .gzip), ("*;q=0", .identity),
            ("identity", .identity), ("gzip;q=0, *", .identity), ("br", .identity), ("gzip;q=x", .identity),
            ("zstd", .zstd), ("ZSTD", .zstd), ("gzip, zstd", .zstd), ("zstd, gzip", .zstd),
            ("gzip, deflate, br, zstd", .zstd), ("zstd;q=0.5, gzip", .gzip), ("zstd;q=0.9, gzip;q=0.8", .zstd),
            ("zstd;q=0, gzip;q=0.1", .gzip), ("zstd;q=0", .identity), ("zstd;q=2", .identity), ("*, zstd;q=0", .gzip),
            ("gzip;q=0.5, identity", .identity), ("gzip, identity;q=0.5", .gzip), ("zstd;q=0.3, *;q=0.6", .gzip),
            ("identity;q=0, br", .identity),
        ] as [(String?, ContentCoding)]
    )
    func theMostWantedCodingIsChosen(header: String?, expected: ContentCoding) {
        #expect(ContentCoding.negotiate(acceptEncoding: header) == expected)
    }

    @Test(arguments: [("gzip", ContentCoding.gzip), ("zstd", .zstd)])
    func theSystemsDecoderReadsWhatWasEncoded(program: String, coding: ContentCoding) async throws {
        var random = SeededRandom()
        print("seed \(random.seed)")
        let page = Bodies.text
        let noise = (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        let large = (0..<50_000).flatMap { "requests_total{route=\"/resource/\($0)\"} \($0 * 31)\n".utf8 }
        for plain in [[], [0x61], page, noise, large] {
            var encoded = plain
            #expect(ContentCoding.encode(&encoded, for: coding.rawValue) == coding.rawValue)
            if plain.count == large.count { #expect(encoded.count < plain.count / 3) }
            let directory = try TemporaryDirectory("coding")
            try Data(encoded).write(to: URL(fileURLWithPath: directory.path("encoded")))
            try Data(plain).write(to: URL(fileURLWithPath: directory.path("plain")))
            let command = "\(program) -dc < \(directory.path("encoded")) | cmp - \(directory.path("plain"))"
            let result = try await ChildProcess.run("bash", ["-o", "pipefail", "-c", command])
            #expect(result.exit == .code(0), "\(plain.count) bytes: \(result)")
        }
    }

    @Test func nobodyGetsWhatHeDidNotAskFor() {
        var body = Bodies.text
        #expect(ContentCoding.encode(&body, for: "br, deflate") == nil)
        #expect(body == Bodies.text)
    }
}
