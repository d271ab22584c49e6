// SPDX-License-Identifier: Apache-2.0

public import HealthChecks
public import Logging
public import ServiceLifecycle
import Synchronization
import UnixSignals

/// Makes readiness fail as soon as the process is asked to stop, and holds the stop back for a while.
///
/// List it last in the service group: groups shut down from the end, so the HTTP server keeps serving until this returns.
/// A second signal ends the wait.
public struct DrainService: Service {
    private let registry: HealthRegistry
    private let delay: @Sendable () -> Duration
    private let clock: HealthClock
    private let logger: Logger
    private let onDrained: @Sendable () -> Void

    /// Creates the service.
    ///
    /// - Parameters:
    ///   - registry: is moved to `draining`.
    ///   - delay: how long to go on serving; read when the drain begins.
    ///   - clock: the time.
    ///   - logger: gets one line when the drain begins.
    ///   - onDrained: called when the wait is over, to end streams that would never end by themselves.
    public init(
        registry: HealthRegistry,
        delay: @escaping @Sendable () -> Duration,
        clock: HealthClock = .system,
        logger: Logger,
        onDrained: @escaping @Sendable () -> Void = {}
    ) {
        self.registry = registry
        self.delay = delay
        self.clock = clock
        self.logger = logger
        self.onDrained = onDrained
    }

    /// Waits for graceful shutdown, then drains.
    public func run() async throws {
        try? await gracefulShutdown()  // also ends, by throwing, when the group is cancelled: nothing to wait for then
        // listening before anybody can see that the drain has begun, so that no second signal is lost
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        registry.setPhase(.draining, at: clock.now())
        let delay = delay()
        logger.notice("draining", metadata: ["delay_seconds": .stringConvertible(delay.inSeconds)])
        if delay > .zero, !Task.isCancelled { await wait(delay, or: signals) }
        onDrained()
    }

    private func wait(_ delay: Duration, or signals: UnixSignalsSequence) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await Task.sleep(for: delay) }  // throws only when cancelled, which ends the wait
            group.addTask {
                for await _ in signals { break }
            }
            await group.next()
            group.cancelAll()
        }
    }
}
