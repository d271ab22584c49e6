// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import HealthProbes

/// Each of the program's own loops touches a heart-beat of its own once a second; one that does not makes `/livez` fail.
enum LoopBeats {
    private static let interval = Duration.seconds(1)

    /// Starts the beats, which last as long as the loops.
    ///
    /// - Parameter loops: with the name shown by `/livez?verbose`, and how long one piece of work may take there.
    static func start(
        _ loops: [(name: String, loop: EventLoop, limit: Duration)],
        registry: HealthRegistry,
        clock: HealthClock
    ) {
        let now = clock.now()
        for (name, loop, limit) in loops {
            let beat = ProgressBeat(name: name, limit: limit, now: now)
            registry.addLiveness(beat)
            loop.execute { touch(beat, on: loop, clock) }
        }
    }

    /// From the loop's own timer: nobody else has to wake up for it.
    private static func touch(_ beat: ProgressBeat, on loop: EventLoop, _ clock: HealthClock) {
        beat.touch(at: clock.now())
        loop.schedule(after: interval) { touch(beat, on: loop, clock) }
    }
}
