// SPDX-License-Identifier: Apache-2.0

import Exposition
import Foundation
import SidecarMetrics
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct RuntimeTests {
    @Test func `a pool without a free thread shows as task lag`() async throws {
        // The pool of this process serves the other tests.
        await #expect(processExitsWith: .success) {
            let registry = MetricsRegistry()
            registry.registerRuntimeMetrics()
            @Sendable func lag() -> Double {
                let lines = String(decoding: registry.render(.text), as: UTF8.self).split(separator: "\n")
                let line = lines.first { $0.hasPrefix("swift_task_lag_seconds ") }
                return line.flatMap { $0.split(separator: " ").last }.flatMap { Double($0) } ?? -1
            }
            let threads = 4 * sysconf(CInt(_SC_NPROCESSORS_ONLN))
            let gate = Gate()
            // A thread of its own, for the pool has none: shorter lags before, growing ones while all are blocked.
            let watch = Thread {
                var isShown = false
                let end = Date(timeIntervalSinceNow: 20)
                while !isShown, Date() < end {
                    _ = usleep(20_000)
                    isShown = lag() > 0.2
                }
                gate.isClosed.store(false, ordering: .relaxed)
                guard isShown else { exit(1) }
                while lag() > 0.1, Date() < end { _ = usleep(20_000) }
                exit(Date() < end ? 0 : 2)
            }
            guard lag() == 0 else { exit(3) }
            watch.start()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<threads {
                    group.addTask { while gate.isClosed.load(ordering: .relaxed) { _ = usleep(1_000) } }
                }
            }
            while true { try? await Task.sleep(for: .seconds(1)) }
        }
    }

    /// Holds up whoever looks at it.
    private final class Gate: Sendable {
        let isClosed = Atomic<Bool>(true)
    }
}
