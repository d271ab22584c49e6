// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// TYPE, HELP and UNIT of a metric, as some target exposes it.
package struct MetricMetadata: Sendable, Hashable {
    package var type = "unknown"
    package var help = ""
    package var unit = ""

    package init(type: String = "unknown", help: String = "", unit: String = "") {
        self.type = type
        self.help = help
        self.unit = unit
    }
}

/// What all targets said about their metrics, for `/api/v1/metadata`. Safe to use from any thread.
package final class MetadataBoard: Sendable {
    /// Metrics of one target beyond this are left out.
    package static let limit = 20_000

    private let targets = Mutex<[String: [String: MetricMetadata]]>([:])

    package init() {}

    package func publish(_ metadata: [String: MetricMetadata], of target: String) {
        targets.withLock { $0[target] = metadata }
    }

    package func remove(_ target: String) {
        targets.withLock { $0[target] = nil }
    }

    /// What one target said, by metric name.
    package func metrics(of target: String) -> [String: MetricMetadata] {
        targets.withLock { $0[target] ?? [:] }
    }

    /// By metric name, each variant once, in a stable order.
    package func all() -> [(metric: String, metadata: [MetricMetadata])] {
        let targets = targets.withLock { $0 }
        var merged: [String: Set<MetricMetadata>] = [:]
        for metrics in targets.values {
            for (name, metadata) in metrics { merged[name, default: []].insert(metadata) }
        }
        return merged.sorted { $0.key < $1.key }.map { name, variants in
            (name, variants.sorted { ($0.type, $0.help, $0.unit) < ($1.type, $1.help, $1.unit) })
        }
    }
}
