// SPDX-License-Identifier: Apache-2.0

public import HealthChecks
public import Logging
public import ServiceLifecycle

/// Runs the checks of a service in the background and tells the registry what they find.
///
/// A program that embeds it lists it before its HTTP server in the service group. It moves the registry from starting to
/// serving when the first answer of every check is in, so that readiness is never a guess.
public struct HealthCheckRunner: Service {
    /// A check with its settings.
    public struct Entry: Sendable {
        /// The code.
        public let check: any HealthCheck
        /// When it runs and how it counts.
        public let settings: CheckSettings

        /// Creates an entry.
        public init(_ check: any HealthCheck, settings: CheckSettings = CheckSettings()) {
            self.check = check
            self.settings = settings
        }
    }

    private let registry: HealthRegistry
    private let entries: [Entry]
    private let clock: HealthClock
    private let logger: Logger
    private let onResult: @Sendable (String, CheckResult) -> Void
    /// The longest time without looking at the schedule; also how fast old answers become unknown.
    private let longestSleep = Duration.milliseconds(500)

    /// Creates a runner.
    ///
    /// - Parameters:
    ///   - registry: takes the answers.
    ///   - checks: what to run; names must be unique.
    ///   - clock: the time.
    ///   - logger: changes of state are logged at `notice`.
    ///   - onResult: called with every answer, for its samples.
    public init(
        registry: HealthRegistry,
        checks: [Entry],
        clock: HealthClock = .system,
        logger: Logger,
        onResult: @escaping @Sendable (String, CheckResult) -> Void = { _, _ in }
    ) {
        self.registry = registry
        self.entries = checks
        self.clock = clock
        self.logger = logger
        self.onResult = onResult
    }

    /// Runs until graceful shutdown or cancellation.
    public func run() async throws {
        let now = clock.now()
        try registry.configure(entries.map { CheckDescriptor($0.check, settings: $0.settings) }, at: now)
        var scheduler = CheckScheduler(epoch: now.uptime)
        for entry in entries { scheduler.schedule(entry.check.name, settings: entry.settings, at: now.uptime) }
        if entries.isEmpty { registry.setPhase(.serving, at: now) }
        await cancelWhenGracefulShutdown { [scheduler] in
            await withDiscardingTaskGroup { group in
                // bounded by what feeds it: one answer per check and a few wake-ups
                let (events, feed) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .unbounded)
                await self.loop(scheduler, events: events, feed: feed, group: &group)
                group.cancelAll()
            }
        }
    }

    private enum Event: Sendable {
        case wakeUp
        case finished(CheckScheduler.Attempt, CheckResult)
    }

    private func loop(
        _ initial: CheckScheduler,
        events: AsyncStream<Event>,
        feed: AsyncStream<Event>.Continuation,
        group: inout DiscardingTaskGroup
    ) async {
        var scheduler = initial
        var wakeUp: Duration?
        var refreshed = clock.now().uptime
        let checks = Dictionary(entries.map { ($0.check.name, $0.check) }) { first, _ in first }
        feed.yield(.wakeUp)
        for await event in events {
            let now = clock.now()
            if case .finished(let attempt, let result) = event {
                finish(attempt, result, at: now, scheduler: &scheduler)
            }
            for action in scheduler.advance(to: now.uptime) {
                switch action {
                case .start(let attempt):
                    guard let check = checks[attempt.check] else { continue }
                    group.addTask { feed.yield(.finished(attempt, await check.check(deadline: attempt.deadline))) }
                case .abandon(let attempt):
                    record(.down(.timeout, "no answer in time", duration: attempt.deadline), attempt, at: now)
                }
            }
            if now.uptime - refreshed >= longestSleep {
                refreshed = now.uptime
                for (check, transition) in registry.refresh(at: now) { log(check, transition) }
            }
            let refresh = refreshed + longestSleep
            let next = scheduler.nextDeadline.map { min($0, refresh) } ?? refresh
            if wakeUp.map({ $0 <= now.uptime || $0 > next }) ?? true {
                wakeUp = next
                group.addTask {
                    try? await Task.sleep(for: next - now.uptime)  // throws when cancelled; the stream has ended then
                    feed.yield(.wakeUp)
                }
            }
        }
    }

    private func finish(
        _ attempt: CheckScheduler.Attempt,
        _ result: CheckResult,
        at now: HealthTime,
        scheduler: inout CheckScheduler
    ) {
        let forbids = result.reason?.forbidsQuickRetry ?? false
        guard scheduler.finish(attempt, at: now.uptime, forbidsQuickRetry: forbids) else { return }
        if record(result, attempt, at: now) { scheduler.hurry(attempt.check, at: now.uptime) }
    }

    /// Returns whether to ask again at once.
    @discardableResult
    private func record(_ result: CheckResult, _ attempt: CheckScheduler.Attempt, at now: HealthTime) -> Bool {
        let observation = registry.record(result, for: attempt.check, at: now)
        if let transition = observation.transition { log(attempt.check, transition) }
        onResult(attempt.check, result)
        if registry.snapshot.phase == .starting, registry.snapshot.checks.allSatisfy({ $0.attempts > 0 }) {
            registry.setPhase(.serving, at: now)
        }
        return observation.recheckNow
    }

    private func log(_ check: String, _ transition: CheckStateMachine.Transition) {
        logger.notice(
            "health check changed",
            metadata: [
                "check": .string(check), "from": .string(transition.from.rawValue),
                "to": .string(transition.to.rawValue), "reason": .string(transition.reason?.rawValue ?? "none"),
            ]
        )
    }
}
