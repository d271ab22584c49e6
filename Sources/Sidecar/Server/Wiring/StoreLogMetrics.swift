// SPDX-License-Identifier: Apache-2.0

import Exposition
import TimeSeries

/// What the samples' log went through: at the start, and since then.
enum StoreLogMetrics {
    static func add(_ recovery: RecoveryReport, _ log: LogStatistics?, _ builder: inout FamilyBuilder) {
        for (kind, count) in [
            ("corrupt", recovery.corruptSegments), ("torn_tail", recovery.tornTails),
            ("incompatible", recovery.incompatibleSegments),
        ] {
            builder.add(
                "sidecar_store_log_damaged_segments_total",
                .counter,
                "Segments of the samples' log that were not whole at the start, by what was wrong.",
                [(name: "kind", value: kind)],
                Double(count)
            )
        }
        guard let log else { return }
        for (operation, count) in [("write", log.writeFailures), ("sync", log.syncFailures)] {
            builder.add(
                "sidecar_store_log_failures_total",
                .counter,
                "Failed operations on the samples' log.",
                [(name: "operation", value: operation)],
                Double(count)
            )
        }
    }
}
