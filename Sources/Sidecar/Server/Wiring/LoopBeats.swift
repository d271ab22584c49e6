// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import HealthProbes
import ServiceLifecycle

/// Asks each of the program's own loops twice a second whether it still turns; one that does not makes `/livez` fail.
struct LoopBeats: Service {
    private struct Watched: Sendable {
        let loop: EventLoop
        let beat: ProgressBeat
    }

    private static let interval = Duration.milliseconds(500)

    private let watched: [Watched]
    private let clock: HealthClock

    /// - Parameter loops: with the name shown by `/livez?verbose`, and how long one piece of work may take there.
    init(_ loops: [(name: String, loop: EventLoop, limit: Duration)], registry: HealthRegistry, clock: HealthClock) {
        self.clock = clock
        let now = clock.now()
        watched = loops.map { name, loop, limit in
            Watched(loop: loop, beat: ProgressBeat(name: name, limit: limit, now: now))
        }
        for watched in watched { registry.addLiveness(watched.beat) }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for watched in watched { group.addTask { await watch(watched) } }
            }
        }
    }

    private func watch(_ watched: Watched) async {
        while !Task.isCancelled {
            _ = await watched.loop.run {}
            watched.beat.touch(at: clock.now())
            try? await Task.sleep(for: Self.interval)  // throws when cancelled, which ends the loop
        }
    }
}
