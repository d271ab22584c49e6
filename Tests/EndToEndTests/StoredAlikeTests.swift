// SPDX-License-Identifier: Apache-2.0

import Exposition
import Foundation
import TestSupport
import Testing

/// What Debian's Prometheus and the sidecar store from the same pages is the same, sample for sample: text, OpenMetrics,
/// and protobuf with native histograms.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct StoredAlikeTests {
    @Test func `both store the same samples of the same pages`() async throws {
        try await compare(for: .seconds(15), atLeast: 8)
    }
}

/// The same for long enough to see counters and histograms start again.
@Suite(
    .serialized,
    .timeLimit(.minutes(15)),
    .enabled(if: ProcessInfo.processInfo.environment["SIDECAR_CHAOS"] == "1", "SIDECAR_CHAOS=1, ten minutes")
)
struct StoredAlikeChaosTests {
    @Test func `both store the same samples of the same pages for ten minutes`() async throws {
        try await compare(for: .seconds(600), atLeast: 395)
    }
}

private func compare(for time: Duration, atLeast steps: Int) async throws {
    let fixtures = try ["text": ExpositionFormat.text, "openmetrics": .openMetrics, "protobuf": .protobuf].map {
        (job: $0.key, fixture: try AlikeFixture($0.value))
    }
    func configuration(_ extra: String) -> String {
        let jobs = fixtures.map { job, fixture in
            "  - { job_name: \(job), static_configs: [ { targets: [ \"127.0.0.1:\(fixture.receiver.port)\" ] } ] }"
        }
        return "global: { scrape_interval: 500ms\(extra) }\nscrape_configs:\n" + jobs.joined(separator: "\n") + "\n"
    }
    let sidecar = try await RunningSidecar(configuration: configuration(", scrape_native_histograms: true"))
    let prometheus = try await RunningPrometheus(
        configuration: configuration(", scrape_timeout: 500ms"),
        arguments: ["--enable-feature=native-histograms"]
    )
    // Prometheus makes its first scrape some time within its interval; the others wait for it.
    let begun = try await waitUntil(deadline: .seconds(20)) {
        let everything = 0...Date().timeIntervalSince1970
        let (ours, theirs) = (try await samples(sidecar.url, everything), try await samples(prometheus.url, everything))
        return ours.count > 100 && ours.count == theirs.count
    }
    #expect(begun)
    let from = Date().timeIntervalSince1970
    try await Task.sleep(for: time)
    let to = Date().timeIntervalSince1970
    // Both have what was exposed between these moments; what is exposed now, one of them may not have seen yet.
    try await Task.sleep(for: AlikeFixture.step * 2)
    let window = (from...to)
    let ours = try await samples(sidecar.url, window)
    let theirs = try await samples(prometheus.url, window)
    #expect(Set(ours.keys) == Set(theirs.keys), "\(Set(ours.keys).symmetricDifference(theirs.keys).sorted())")
    var compared = 0
    for (series, expected) in theirs {
        let found = ours[series] ?? []
        #expect(found == expected, "\(series): \(difference(found, expected))")
        compared += expected.count
    }
    let names = ["alike_native_seconds", "alike_both_seconds", "alike_seconds_bucket", "alike_summary"]
    for name in names { #expect(theirs.keys.contains { $0.hasPrefix(name + "{") }, "\(name)") }
    let longest = theirs.values.map(\.count).max() ?? 0
    #expect(longest >= steps, "\(longest) steps seen")
    #expect(theirs.count > 100)
    print("stored alike: \(theirs.count) series, \(compared) samples")
    await prometheus.process.stop()
    #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0))
    // They serve until here; nothing else holds them.
    withExtendedLifetime(fixtures) {}
}

/// All samples of the fixtures' series within a window, as text: time and value, or time and histogram.
private func samples(_ url: String, _ window: ClosedRange<TimeInterval>) async throws -> [String: [String]] {
    var components = URLComponents(string: url + "/api/v1/query")
    components?.queryItems = [
        URLQueryItem(name: "query", value: #"{__name__=~"alike_.*"}[20m]"#),
        URLQueryItem(name: "time", value: "\(window.upperBound + 1)"),
    ]
    let answer = try await JSONAnswer(components?.url?.absoluteString ?? "")
    let result = (answer["data"] as? [String: Any])?["result"] as? [[String: Any]] ?? []
    var found: [String: [String]] = [:]
    for series in result {
        let labels = series["metric"] as? [String: String] ?? [:]
        let key =
            (labels["__name__"] ?? "") + "{"
            + labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",") + "}"
        let pairs = (series["values"] as? [[Any]] ?? []) + (series["histograms"] as? [[Any]] ?? [])
        found[key] = pairs.compactMap { pair in
            guard let time = pair.first as? Double, window.contains(time), let value = pair.last else { return nil }
            if let text = value as? String { return "\(time) \(text)" }
            return "\(time) \(histogram(value))"
        }
    }
    return found
}

/// Bucket bounds are not stored but computed by whoever shows them, from tables that differ in the last digit.
private func histogram(_ value: Any) -> String {
    let parts = value as? [String: Any] ?? [:]
    let buckets = (parts["buckets"] as? [[Any]] ?? []).map { bucket in
        let bounds = bucket.dropFirst().dropLast().map { text in
            String(format: "%.12g", Double(text as? String ?? "") ?? .nan)
        }
        return "\(bucket.first ?? "") \(bounds.joined(separator: " ")) \(bucket.last ?? "")"
    }
    return "count \(parts["count"] ?? "") sum \(parts["sum"] ?? "") buckets \(buckets)"
}

private func difference(_ ours: [String], _ theirs: [String]) -> String {
    let missing = theirs.filter { !ours.contains($0) }.prefix(3)
    let extra = ours.filter { !theirs.contains($0) }.prefix(3)
    return "missing \(Array(missing)), extra \(Array(extra))"
}
