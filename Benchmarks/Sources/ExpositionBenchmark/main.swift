// SPDX-License-Identifier: Apache-2.0

import Exposition
import Foundation

// Reads one metrics page three ways: at first sight, with its layout known, and with promtool, in the same run.

func body(lines: Int) -> [UInt8] {
    var text = "# HELP requests_total Requests.\n# TYPE requests_total counter\n"
    for line in 0..<lines {
        text +=
            "requests_total{instance=\"a\",method=\"GET\",route=\"/v1/venues/:venue/\(line)\",status=\"200\"} \(line * 7_919 % 1_000_003)\n"
    }
    return Array(text.utf8)
}

func best(of rounds: Int, _ work: () throws -> Void) rethrows -> Double {
    var best = Double.infinity
    for _ in 0..<rounds {
        let start = ContinuousClock.now
        try work()
        best = min(best, (ContinuousClock.now - start) / .seconds(1))
    }
    return best
}

let lines = 200_000
let page = body(lines: lines)
var samples = 0

let first = try best(of: 5) {
    var cursor = ExpositionCursor(.text)
    while let entry = try cursor.next(in: page.span) {
        if case .sample = entry { samples += 1 }
    }
}
/// Scrapes a page and remembers its layout.
struct Scraper {
    var reader = LayoutReader(seed: 1)
    var samples = 0

    mutating func scrape(_ page: [UInt8]) throws {
        reader.begin(.text)
        _ = try reader.read(page.span) { _, _, _ in true }
        _ = try reader.end { _, _, _ in true }
        samples += reader.samplesRead
    }
}

var scraper = Scraper()
try scraper.scrape(page)
let known = try best(of: 5) { try scraper.scrape(page) }

let path = FileManager.default.temporaryDirectory.appendingPathComponent(
    "bench-\(ProcessInfo.processInfo.processIdentifier).prom"
)
try Data(page).write(to: path)
defer { try? FileManager.default.removeItem(at: path) }
let peer = try best(of: 3) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "promtool check metrics < '\(path.path)' > /dev/null 2>&1"]
    try process.run()
    process.waitUntilExit()
}

func show(_ name: String, _ seconds: Double) {
    let nanoseconds = seconds * 1e9 / Double(lines)
    print(
        "\(name): \(String(format: "%.1f", nanoseconds)) ns a line, \(String(format: "%.1f", peer / seconds)) times promtool's speed"
    )
}
show("first sight", first)
show("known layout", known)
show("promtool check metrics", peer)
print("\(samples + scraper.samples) samples read")
