// SPDX-License-Identifier: Apache-2.0

import Foundation
import HealthChecks
import HealthProbes
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct RunnerTests {
    /// Answers as told; hangs when told so.
    private final class Scripted: HealthCheck {
        let name: String
        let kind = "test"
        let instance = "here"
        let calls = Atomic<Int>(0)
        let isUp = Atomic<Bool>(true)
        let hangs: Bool

        init(_ name: String, hangs: Bool = false) {
            self.name = name
            self.hangs = hangs
        }

        func check(deadline: Duration) async -> CheckResult {
            calls.wrappingAdd(1, ordering: .relaxed)
            if hangs { try? await Task.sleep(for: .seconds(30)) }
            return isUp.load(ordering: .relaxed)
                ? .up(duration: .milliseconds(1)) : .down(.connectRefused, duration: .milliseconds(1))
        }
    }

    private func run(
        _ checks: [Scripted],
        _ body: (HealthRegistry) async throws -> Void
    ) async throws {
        let registry = HealthRegistry(version: "1", startedAt: HealthClock.system.now())
        let settings = CheckSettings(interval: .milliseconds(100), timeout: .milliseconds(50))
        let runner = HealthCheckRunner(
            registry: registry,
            checks: checks.map { HealthCheckRunner.Entry($0, settings: settings) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await body(registry)
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private func eventually(_ condition: () -> Bool) async -> Bool {
        for _ in 0..<400 where !condition() { try? await Task.sleep(for: .milliseconds(5)) }
        return condition()
    }

    @Test func readinessBeginsWithTheFirstAnswersAndFollowsThem() async throws {
        let check = Scripted("db")
        try await run([check]) { registry in
            #expect(await eventually { registry.snapshot.phase == .serving })
            #expect(registry.snapshot.overall == .healthy)
            check.isUp.store(false, ordering: .relaxed)
            #expect(await eventually { registry.snapshot.overall == .unhealthy })
            check.isUp.store(true, ordering: .relaxed)
            #expect(await eventually { registry.snapshot.overall == .healthy })
        }
    }

    @Test func aHangingCheckIsATimeoutAndDoesNotPileUp() async throws {
        let hanging = Scripted("hangs", hangs: true)
        let fine = Scripted("fine")
        try await run([hanging, fine]) { registry in
            #expect(await eventually { registry.snapshot.check(named: "hangs")?.attempts ?? 0 > 0 })
            #expect(registry.snapshot.check(named: "hangs")?.lastResult?.reason == .timeout)
            #expect(await eventually { fine.calls.load(ordering: .relaxed) >= 5 })
            #expect(hanging.calls.load(ordering: .relaxed) == 1)
            #expect(registry.snapshot.check(named: "fine")?.state == .healthy)
        }
    }

    @Test func aBlockedEventLoopIsNoticed() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let detector = EventLoopStallDetector(group: group, limit: .milliseconds(200), interval: .milliseconds(20))
        try await Task.sleep(for: .milliseconds(300))
        #expect(detector.failure(at: HealthClock.system.now()) == nil)
        let isBlocked = Mutex(true)
        group.next().execute {
            while isBlocked.withLock({ $0 }) { usleep(1_000) }
        }
        #expect(await eventually { detector.failure(at: HealthClock.system.now()) == .stalled })
        isBlocked.withLock { $0 = false }
        #expect(await eventually { detector.failure(at: HealthClock.system.now()) == nil })
        detector.stop()
        try await group.shutdownGracefully()
    }
}
