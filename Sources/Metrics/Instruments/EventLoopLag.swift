// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Measures how late event loops run what they were asked to run: the first sign of a blocked loop.
///
/// Each loop of a group gets a small task at an interval; how much later than asked it ran goes into
/// `event_loop_lag_seconds`, and the newest value of each loop into `event_loop_lag_last_seconds{loop}`.
public final class EventLoopLag: Sendable {
    private let tasks: [RepeatedTask]

    private struct LoopLabels: LabelSet {
        static let labelNames = ["loop"]
        var loop: String
        func encode(to values: inout some LabelEncoder) { values.append(loop) }
    }

    /// Starts measuring; `cancel` ends it.
    /// - Parameters:
    ///   - group: its loops are measured.
    ///   - registry: where the metrics are registered.
    ///   - interval: time between two measurements of a loop.
    public init(group: any EventLoopGroup, registry: MetricsRegistry, interval: TimeAmount = .milliseconds(500)) {
        let lag = registry.histogram(
            "event_loop_lag_seconds",
            help: "How much later than asked the event loops ran a task.",
            unit: .seconds,
            .fastLatency
        )
        let last = registry.gauge(
            "event_loop_lag_last_seconds",
            help: "The newest lag of each event loop.",
            unit: .seconds,
            labels: LoopLabels.self
        )
        var tasks: [RepeatedTask] = []
        for (number, loop) in group.makeIterator().enumerated() {
            let gauge = last[LoopLabels(loop: String(number))]
            let watch = LoopWatch(interval: interval.nanoseconds)
            tasks.append(
                loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
                    let seconds = watch.lag(at: SystemTime.monotonicNanoseconds())
                    lag.observe(seconds)
                    gauge.set(seconds)
                }
            )
        }
        self.tasks = tasks
    }

    /// Ends the measurement.
    public func cancel() {
        for task in tasks { task.cancel() }
    }
}

/// The schedule of one loop. NIO counts the next delay from the end of the task, and so does this.
private final class LoopWatch: Sendable {
    private let interval: Int64
    private let due: Guarded<Int64>

    init(interval: Int64) {
        self.interval = interval
        self.due = Guarded(SystemTime.monotonicNanoseconds() &+ interval)
    }

    func lag(at now: Int64) -> Double {
        due.withLock { due in
            let lag = max(0, now &- due)
            due = now &+ interval
            return Double(lag) / 1e9
        }
    }
}
