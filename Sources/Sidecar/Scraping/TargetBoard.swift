// SPDX-License-Identifier: Apache-2.0

import Synchronization
package import TimeSeries

/// The state of all targets, written by the I/O loop and read by the API. Safe to use from any thread.
package final class TargetBoard: Sendable {
    private struct Contents {
        var order: [String] = []
        var statuses: [String: TargetStatus] = [:]
        var dropped: [Dropped] = []
        var discovery: [DiscoveryStatistics] = []
    }

    /// Targets of one job that relabelling took away: how many, and the first of them.
    package struct Dropped: Sendable {
        package var job: String
        package var count: Int
        /// As discovered.
        package var labels: [Labels]

        package init(job: String, count: Int, labels: [Labels]) {
            self.job = job
            self.count = count
            self.labels = labels
        }
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

    package func setDropped(_ dropped: [Dropped]) {
        contents.withLock { $0.dropped = dropped }
    }

    package var active: [TargetStatus] {
        contents.withLock { contents in contents.order.compactMap { contents.statuses[$0] } }
    }

    package var dropped: [Dropped] { contents.withLock { $0.dropped } }

    package func updateDiscovery(_ body: (inout [DiscoveryStatistics]) -> Void) {
        contents.withLock { body(&$0.discovery) }
    }

    package var discovery: [DiscoveryStatistics] { contents.withLock { $0.discovery } }
}

/// What looking for targets came to, for one job and mechanism.
package struct DiscoveryStatistics: Hashable, Sendable {
    package var job: String
    package var mechanism: String
    package var targets = 0
    package var looks: UInt64 = 0
    /// By reason.
    package var failures: [String: UInt64] = [:]
    /// Whether the last look found something that could not be read.
    package var isFailing = false

    package init(job: String, mechanism: String) {
        self.job = job
        self.mechanism = mechanism
    }
}
