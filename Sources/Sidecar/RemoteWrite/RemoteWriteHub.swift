// SPDX-License-Identifier: Apache-2.0

import Synchronization
package import TimeSeries

/// Passes commits on to the receivers. Until it has been opened it keeps them, so that receivers can be exchanged while
/// commits go on.
package final class RemoteWriteHub: CommitObserver {
    private struct State {
        /// Nil until the receivers are there.
        var destinations: [RemoteWriteDestination]?
        var waiting: [ObservedCommit] = []
        var lost = 0
    }

    private static let waitingLimit = 4_096
    private let state = Mutex(State())

    package init() {}

    package func open(_ destinations: [RemoteWriteDestination]) {
        state.withLock { state in
            for commit in state.waiting { for destination in destinations { destination.committed(commit) } }
            for destination in destinations { destination.countLost(state.lost) }
            state.waiting = []
            state.destinations = destinations
        }
    }

    package func committed(_ commit: ObservedCommit) {
        state.withLock { state in
            if let destinations = state.destinations {
                for destination in destinations { destination.committed(commit) }
            } else if state.waiting.count < Self.waitingLimit {
                state.waiting.append(commit)
            } else {
                state.lost += commit.floats.count + commit.aside.count
            }
        }
    }

    package func ended(source: UInt32) {
        state.withLock { state in
            // A source that ends while commits wait keeps its labels a little longer.
            for destination in state.destinations ?? [] { destination.ended(source: source) }
        }
    }
}
