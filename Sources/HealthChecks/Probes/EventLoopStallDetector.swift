// SPDX-License-Identifier: Apache-2.0

public import HealthChecks
public import NIOCore
import Synchronization

/// Notices that an event loop has stopped turning, because something blocks its thread.
///
/// Each loop touches its own heart-beat every half second; a loop whose beat is older than the limit is stalled. A probe
/// that arrives on the stalled loop itself gets no answer at all, which its sender counts as a failure too.
public final class EventLoopStallDetector: LivenessCheck {
    /// The time of a loop's last beat, in nanoseconds of the monotonic clock.
    private final class Beat: Sendable {
        let nanoseconds: Atomic<Int64>

        init(_ nanoseconds: Int64) { self.nanoseconds = Atomic(nanoseconds) }
    }

    /// `event-loops`.
    public let name = "event-loops"
    private let limit: Duration
    private let beats: [Beat]
    private let tasks: [RepeatedTask]

    /// Starts watching the loops of a group; ``stop()`` ends it.
    ///
    /// - Parameters:
    ///   - group: the loops.
    ///   - limit: how long a loop may be blocked.
    ///   - interval: time between two beats.
    ///   - clock: the time.
    public init(
        group: any EventLoopGroup,
        limit: Duration = .seconds(5),
        interval: TimeAmount = .milliseconds(500),
        clock: HealthClock = .system
    ) {
        self.limit = limit
        let now = clock.now().uptime.wholeNanoseconds
        var beats: [Beat] = []
        var tasks: [RepeatedTask] = []
        for loop in group.makeIterator() {
            let beat = Beat(now)
            beats.append(beat)
            tasks.append(
                loop.scheduleRepeatedTask(initialDelay: .zero, delay: interval) { _ in
                    beat.nanoseconds.store(clock.now().uptime.wholeNanoseconds, ordering: .relaxed)
                }
            )
        }
        self.beats = beats
        self.tasks = tasks
    }

    /// Stops the beats; to be called before the group is shut down.
    public func stop() {
        for task in tasks { task.cancel() }
    }

    /// `stalled` when any loop has not turned within the limit.
    public func failure(at now: HealthTime) -> HealthReason? {
        let oldest = (now.uptime - limit).wholeNanoseconds
        return beats.contains { $0.nanoseconds.load(ordering: .relaxed) < oldest } ? .stalled : nil
    }
}

/// A heart-beat that any loop of a program can touch: wedged when it has not been touched for too long.
public final class ProgressBeat: LivenessCheck {
    /// The name shown by `/livez?verbose`.
    public let name: String
    private let limit: Duration
    private let nanoseconds: Atomic<Int64>

    /// Creates a beat that counts as touched at `now`.
    public init(name: String, limit: Duration, now: HealthTime) {
        self.name = name
        self.limit = limit
        nanoseconds = Atomic(now.uptime.wholeNanoseconds)
    }

    /// Says that the loop has made progress.
    public func touch(at now: HealthTime) { nanoseconds.store(now.uptime.wholeNanoseconds, ordering: .relaxed) }

    /// `stalled` when the last touch is older than the limit.
    public func failure(at now: HealthTime) -> HealthReason? {
        nanoseconds.load(ordering: .relaxed) < (now.uptime - limit).wholeNanoseconds ? .stalled : nil
    }
}

extension Duration {
    /// Whole nanoseconds, saturating.
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }
}
