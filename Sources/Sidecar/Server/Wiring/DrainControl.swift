// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import ServiceLifecycle
import Synchronization

/// How the process leaves: knows whether anybody probes, and takes the order to drain from the administration API.
///
/// As a service it returns when it was told to stop, which shuts its group down in order.
final class DrainControl: Service {
    private let registry: HealthRegistry
    private let clock: HealthClock
    private let lastProbe = Atomic<Int64>(Int64.min)
    private let isStopping = Atomic<Bool>(false)
    private let orders: AsyncStream<Void>
    private let order: AsyncStream<Void>.Continuation

    init(registry: HealthRegistry, clock: HealthClock) {
        self.registry = registry
        self.clock = clock
        (orders, order) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Somebody asked for a probe.
    func noteProbe() { lastProbe.store(clock.now().unixMilliseconds, ordering: .relaxed) }

    /// Whether a drain has to wait for anybody to see it.
    var wasProbedRecently: Bool {
        let last = lastProbe.load(ordering: .relaxed)
        return last != .min && clock.now().unixMilliseconds - last < 60_000
    }

    /// Readiness fails from now on; with `andStops` the process ends when the delay is over.
    func begin(andStops: Bool) {
        registry.setPhase(.draining, at: clock.now())
        guard andStops else { return }
        isStopping.store(true, ordering: .relaxed)
        order.finish()
    }

    /// Ends a drain that does not stop the process.
    func cancel() -> Bool {
        guard registry.snapshot.phase == .draining, !isStopping.load(ordering: .relaxed) else { return false }
        registry.cancelDrain(at: clock.now())
        return true
    }

    func run() async throws {
        for await _ in orders.cancelOnGracefulShutdown() {}
        isStopping.store(true, ordering: .relaxed)
    }
}
