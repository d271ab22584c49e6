// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Requests at fixed moments, whatever the answers do: a late answer counts from the moment its request was due.
struct PacedLoad {
    struct Report: CustomStringConvertible {
        var answers = 0
        var failures = 0
        /// Milliseconds, sorted.
        var latencies: [Double] = []

        func percentile(_ share: Double) -> Double {
            guard !latencies.isEmpty else { return .nan }
            return latencies[min(latencies.count - 1, Int(Double(latencies.count) * share))]
        }

        var description: String {
            let figures = [0.5, 0.99, 0.999].map { String(format: "%.2f", percentile($0)) }
            return
                "\(answers) answers, \(failures) failures, p50 \(figures[0]) ms, p99 \(figures[1]) ms, p99.9 \(figures[2]) ms"
        }
    }

    private static let connections = 8

    let port: Int
    let path: String
    /// Requests a second, over all connections.
    let rate: Int
    let seconds: Int

    func run() -> Report {
        let start = ContinuousClock.now + .milliseconds(100)
        let results = Results()
        let threads = (0..<Self.connections).map { index in
            let thread = Thread { results.add(send(index, from: start)) }
            thread.start()
            return thread
        }
        while results.count < threads.count { Thread.sleep(forTimeInterval: 0.05) }
        return results.merged
    }

    private func send(_ index: Int, from start: ContinuousClock.Instant) -> Report {
        var report = Report()
        let request = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let total = rate * seconds
        do {
            let connection = try ClientConnection(port: port)
            for number in stride(from: index, to: total, by: Self.connections) {
                let due = start + .nanoseconds(1_000_000_000 / rate * number)
                let wait = (due - ContinuousClock.now) / .seconds(1)
                if wait > 0 { Thread.sleep(forTimeInterval: wait) }
                let count = try connection.ask(request, into: &buffer)
                report.latencies.append((ContinuousClock.now - due) / .milliseconds(1))
                let isAnswer = buffer.prefix(count).starts(with: "HTTP/1.1 ".utf8)
                if isAnswer { report.answers += 1 } else { report.failures += 1 }
            }
        } catch {
            report.failures += 1
        }
        return report
    }
}

/// What the threads found.
private final class Results: @unchecked Sendable {  // everything under the lock
    private let lock = NSLock()
    private var reports: [PacedLoad.Report] = []

    var count: Int { lock.withLock { reports.count } }

    func add(_ report: PacedLoad.Report) { lock.withLock { reports.append(report) } }

    var merged: PacedLoad.Report {
        lock.withLock {
            var all = PacedLoad.Report()
            for report in reports {
                all.answers += report.answers
                all.failures += report.failures
                all.latencies += report.latencies
            }
            all.latencies.sort()
            return all
        }
    }
}
