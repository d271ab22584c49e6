// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TestSupport

/// The targets of a booking service as pages over HTTP, with new values each second.
final class BookingTargets: Sendable {
    let ports: [UInt16]
    private let servers: [TCPServer]
    private let pages: Pages
    private let series: BookingSeries

    /// One page for each target.
    private final class Pages: Sendable {
        private let bodies: Mutex<[[UInt8]]>

        init(count: Int) { bodies = Mutex([[UInt8]](repeating: [], count: count)) }

        subscript(_ target: Int) -> [UInt8] {
            get { bodies.withLock { $0[target] } }
            set { bodies.withLock { $0[target] = newValue } }
        }
    }

    init(_ series: BookingSeries) throws {
        self.series = series
        let pages = Pages(count: series.targets)
        self.pages = pages
        servers = try (0..<series.targets).map { target in
            try TCPServer { connection in
                while let line = connection.readLine() {
                    // The head's other lines say nothing that matters here.
                    guard line.isEmpty else { continue }
                    let body = pages[target]
                    let head =
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                        + "Content-Length: \(body.count)\r\n\r\n"
                    guard connection.send(head), connection.send(body) else { return }
                }
            }
        }
        ports = servers.map(\.port)
    }

    /// Makes new pages each second for as long as asked; calls `ready` when the first ones stand.
    func run(for duration: Duration, ready: () -> Void = {}) async throws {
        let lines = (0..<series.targets).map { Self.lines(series.labels(target: $0)) }
        var counters = BookingCounters(targets: series.targets, rows: series.rows)
        let begin = ContinuousClock.now
        var next = begin
        while next - begin < duration {
            for target in 0..<series.targets {
                counters.advance(target)
                pages[target] = Self.page(lines[target], counters.values[target])
            }
            if next == begin { ready() }
            next += .seconds(1)
            try await Task.sleep(until: next, clock: .continuous)
        }
    }

    /// Ends all connections and takes no more.
    func stop() {
        for server in servers { server.stop() }
    }

    /// What precedes a value, and which one it is: family by family. Job and instance are for whoever scrapes to say.
    private static func lines(_ labels: [[(String, String)]]) -> [(text: [UInt8], index: Int)] {
        var lines: [(text: [UInt8], index: Int)] = []
        for (family, kind) in [("http_requests_total", "counter"), ("http_request_duration_seconds", "histogram")] {
            var head = "# TYPE \(family) \(kind)\n"
            for (index, pairs) in labels.enumerated() where pairs[0].1.hasPrefix(family) {
                let own = pairs.dropFirst().filter { $0.0 != "job" && $0.0 != "instance" }
                let inside = own.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",")
                lines.append((Array("\(head)\(pairs[0].1){\(inside)} ".utf8), index))
                head = ""
            }
        }
        return lines
    }

    private static func page(_ lines: [(text: [UInt8], index: Int)], _ values: [Double]) -> [UInt8] {
        var page: [UInt8] = []
        page.reserveCapacity(lines.count * 120)
        for (text, index) in lines {
            page += text
            let value = values[index]
            if let whole = UInt64(exactly: value) {
                append(whole, to: &page)
            } else {
                page += Array("\(value)".utf8)
            }
            page.append(UInt8(ascii: "\n"))
        }
        return page
    }

    /// A million of them are written each second.
    private static func append(_ number: UInt64, to page: inout [UInt8]) {
        let start = page.count
        var rest = number
        repeat {
            page.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        page[start...].reverse()
    }
}
