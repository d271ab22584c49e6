// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Targets that hang, drip, never end, explode or churn leave the schedule of the others and the memory alone.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct HostileTargetTests {
    @Test func `hostile targets delay no other and take no memory`() async throws {
        // Other programs may be running, too: the sharp bound stands in the long run.
        try await endure(.seconds(4), interval: .milliseconds(250), tolerance: .milliseconds(150))
    }
}

/// The same for two minutes, held to the figures.
@Suite(
    .serialized,
    .timeLimit(.minutes(10)),
    .enabled(if: ProcessInfo.processInfo.environment["SIDECAR_CHAOS"] == "1", "SIDECAR_CHAOS=1, two minutes")
)
struct HostileTargetChaosTests {
    @Test func `hostile targets delay no other and take no memory for two minutes`() async throws {
        try await endure(.seconds(120), interval: .seconds(1), tolerance: .milliseconds(50))
    }

    @Test func `of two hundred targets that hang, none delays the one that answers`() async throws {
        let healthy = try HTTPReceiver { _ in
            HTTPAnswer(200, "a 1\n", headers: [("Content-Type", "text/plain; version=0.0.4")])
        }
        let hanging = try TCPServer { $0.waitForEnd() }
        let list = (1...199).map { "{ targets: [ \"127.0.0.1:\(hanging.port)\" ], labels: { number: \"\($0)\" } }" }
        let sidecar = try await RunningSidecar(
            configuration: """
                global: { scrape_interval: 1s }
                scrape_configs:
                  - { job_name: healthy, static_configs: [ { targets: [ "127.0.0.1:\(healthy.port)" ] } ] }
                  - { job_name: hanging, static_configs: [ \(list.joined(separator: ", ")) ] }
                """
        )
        try await Task.sleep(for: .seconds(30))
        let lateness = deviations(healthy, interval: .seconds(1))
        print("200 targets: \(lateness)")
        #expect(lateness.count >= 25 && lateness.percentile99 <= .milliseconds(100), "\(lateness)")
        #expect(try await sidecar.query(#"sum(up{job="hanging"})"#).first?.value == 0)
        #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0))
    }
}

private struct Deviations: CustomStringConvertible {
    let count: Int
    let percentile99: Duration
    let most: Duration
    var description: String { "\(count) scrapes, off their rhythm by \(percentile99) (p99), \(most) at most" }
}

/// How far the arrivals are off a grid of their own, whose phase is that of their median.
private func deviations(_ receiver: HTTPReceiver, interval: Duration) -> Deviations {
    let arrivals = receiver.requests.map(\.arrived)
    guard let first = arrivals.first, arrivals.count > 2 else {
        return Deviations(count: arrivals.count, percentile99: .seconds(99), most: .seconds(99))
    }
    let phases = arrivals.map { arrival -> Double in
        let ticks = first.duration(to: arrival) / interval
        return ticks - ticks.rounded()
    }
    let median = phases.sorted()[phases.count / 2]
    let off = phases.map { abs($0 - median) }.sorted()
    return Deviations(
        count: arrivals.count,
        percentile99: interval * off[min(off.count - 1, off.count * 99 / 100)],
        most: interval * (off.last ?? 0)
    )
}

private func endure(_ time: Duration, interval: Duration, tolerance: Duration) async throws {
    let healthy = try HTTPReceiver { _ in
        let lines = (0..<200).map { "good{n=\"\($0)\"} \($0)\n" }.joined()
        return HTTPAnswer(200, lines, headers: [("Content-Type", "text/plain; version=0.0.4")])
    }
    let hostile = try await HostileTargets()
    let jobs = hostile.addresses.map { job, address in
        "  - { job_name: \(job), static_configs: [ { targets: [ \"\(address)\" ] } ] }"
    }
    let milliseconds = Int(interval / .milliseconds(1))
    let sidecar = try await RunningSidecar(
        configuration: """
            global: { scrape_interval: \(milliseconds)ms }
            storage: { memory: 32MiB }
            scrape_configs:
              - { job_name: healthy, static_configs: [ { targets: [ "127.0.0.1:\(healthy.port)" ] } ] }
            \(jobs.joined(separator: "\n"))
            """
    )
    try await Task.sleep(for: time)
    let lateness = deviations(healthy, interval: interval)
    let memory = try peakResidentBytes(sidecar.process.identifier)
    print("hostile targets: \(lateness); peak \(memory >> 20) MiB resident")
    #expect(Double(lateness.count) >= time / interval * 0.9, "\(lateness)")
    #expect(lateness.percentile99 <= tolerance && lateness.most <= max(.milliseconds(200), tolerance), "\(lateness)")
    #expect(memory <= 192 << 20, "\(memory)")
    #expect(try await sidecar.query(#"min(min_over_time(up{job="healthy"}[1h]))"#).first?.value == 1)
    #expect(try await sidecar.query(#"count(good)"#).first?.value == 200)
    for job in ["huge", "endless", "one_line", "dripping", "hanging", "bomb", "headers"] {
        #expect(try await sidecar.query("max(up{job=\"\(job)\"})").first?.value == 0, "\(job)")
    }
    #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0))
}

private func peakResidentBytes(_ process: Int32) throws -> Int {
    let text = String(decoding: try readBytes("/proc/\(process)/status"), as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    let kilobytes = line.flatMap { $0.split(whereSeparator: \.isWhitespace).dropFirst().first }.flatMap { Int($0) }
    return (kilobytes ?? .max >> 10) << 10
}
