// SPDX-License-Identifier: Apache-2.0

import Exposition
import Foundation
import Logging
import SidecarMetrics
import Synchronization

/// Remembers what was logged.
final class LogRecorder: Sendable {
    private let recorded = Mutex<[String]>([])

    var lines: [String] { recorded.withLock { $0 } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(recorder: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            let text = all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            recorder.recorded.withLock { $0.append("\(event.level) \(event.message) \(text)") }
        }
    }
}

/// Unix time that a test moves.
final class ManualTime: Sendable {
    private let milliseconds: Mutex<Int64>

    init(_ milliseconds: Int64 = 1_700_000_000_000) { self.milliseconds = Mutex(milliseconds) }

    var now: Int64 { milliseconds.withLock { $0 } }

    func advance(_ seconds: Int64) { milliseconds.withLock { $0 += seconds * 1_000 } }
}

struct TestRegistry {
    let registry: MetricsRegistry
    let log = LogRecorder()
    let time = ManualTime()

    init(_ change: (inout MetricsRegistry.Configuration) -> Void = { _ in }) {
        let time = time
        var configuration = MetricsRegistry.Configuration(logger: log.logger, clock: { time.now })
        configuration.writesCreated = false
        change(&configuration)
        registry = MetricsRegistry(configuration: configuration)
    }

    /// The text output without comments and without the registry's own metrics.
    var lines: [String] {
        text(.text).split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") && !$0.hasPrefix("metrics_") }
    }

    func text(_ format: ExpositionFormat, names: [String] = []) -> String {
        String(decoding: registry.render(format, filter: MetricNameFilter(names: names)), as: UTF8.self)
    }

    func line(_ series: String) -> String? {
        text(.text).split(separator: "\n").map(String.init).first { $0.hasPrefix(series + " ") }
            .map { String($0.dropFirst(series.count + 1)) }
    }
}

enum Outcome: String, LabelEnum {
    static let labelName = "outcome"
    case success, failure
}

struct BookingLabels: LabelSet {
    static let labelNames = ["outcome", "room"]
    var outcome: Outcome
    var room: String

    func encode(to values: inout some LabelEncoder) {
        values.append(outcome)
        values.append(room)
    }
}

/// A generator whose seed a failing test can print.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
