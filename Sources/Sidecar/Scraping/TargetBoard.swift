// SPDX-License-Identifier: Apache-2.0

import Synchronization
package import TimeSeries

/// The state of all targets, written by the I/O loop and read by the API. Safe to use from any thread.
package final class TargetBoard: Sendable {
    private struct Contents {
        var order: [String] = []
        var statuses: [String: TargetStatus] = [:]
        var dropped: [(job: String, labels: Labels)] = []
    }

    private let contents = Mutex(Contents())

    package init() {}

    package func publish(_ status: TargetStatus) {
        contents.withLock { contents in
            if contents.statuses.updateValue(status, forKey: status.target.identity) == nil {
                contents.order.append(status.target.identity)
            }
        }
    }

    package func remove(_ identity: String) {
        contents.withLock { contents in
            contents.statuses[identity] = nil
            contents.order.removeAll { $0 == identity }
        }
    }

    package func setDropped(_ dropped: [(job: String, labels: Labels)]) {
        contents.withLock { $0.dropped = dropped }
    }

    package var active: [TargetStatus] {
        contents.withLock { contents in contents.order.compactMap { contents.statuses[$0] } }
    }

    package var dropped: [(job: String, labels: Labels)] { contents.withLock { $0.dropped } }
}
