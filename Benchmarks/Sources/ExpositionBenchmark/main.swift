// SPDX-License-Identifier: Apache-2.0

import Exposition
import Glibc
import Harness

// Reads the metrics page that BENCHMARK_PAGE names, as Peers/expfmt does: the reader alone; with every label decoded,
// which a scraper does for a series that is new to the store; a scraper's reader that has not seen the page before and
// remembers its layout; and one that has seen it.

guard let path = getenv("BENCHMARK_PAGE"), let file = fopen(path, "r") else { exit(2) }
var bytes: [UInt8] = []
var buffer = [UInt8](repeating: 0, count: 65_536)
while true {
    let count = fread(&buffer, 1, buffer.count, file)
    if count == 0 { break }
    bytes += buffer[..<count]
}
let page = bytes
let lines = Double(page.count { $0 == UInt8(ascii: "\n") })

@Sendable func scrape(_ reader: inout LayoutReader) {
    reader.begin(.text)
    do {
        _ = try reader.read(page.span) { _, _, _ in true }
        _ = try reader.end { _, _, _ in true }
    } catch {
        exit(1)
    }
    Harness.consume(reader.samplesRead)
}

let operations = [
    Operation("parse/cursor", 20, scale: lines) { count in
        for _ in 0..<count {
            var cursor = ExpositionCursor(.text)
            var sum = 0.0
            do {
                while let entry = try cursor.next(in: page.span) {
                    if case .sample(_, let value, _) = entry { sum += value }
                }
            } catch {
                exit(1)
            }
            Harness.consume(sum)
        }
    },
    Operation("parse/labels", 20, scale: lines) { count in
        for _ in 0..<count {
            var cursor = ExpositionCursor(.text)
            var labels = 0
            do {
                while let entry = try cursor.next(in: page.span) {
                    guard case .sample(let series, _, _) = entry else { continue }
                    labels += try ExpositionSeries(decoding: page.span.extracting(series)).labels.count
                }
            } catch {
                exit(1)
            }
            Harness.consume(labels)
        }
    },
    Operation("parse/first", 20, scale: lines) { count in
        for seed in 0..<count {
            var reader = LayoutReader(seed: UInt64(seed))
            scrape(&reader)
        }
    },
    Operation("parse/known", 200, scale: lines) { count in
        var reader = LayoutReader(seed: 1)
        for _ in 0..<count { scrape(&reader) }
    },
]
exit(Harness(operations).run(CommandLine.arguments) ? 0 : 2)
