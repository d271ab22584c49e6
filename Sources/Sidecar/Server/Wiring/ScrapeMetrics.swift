// SPDX-License-Identifier: Apache-2.0

import Exposition
import Scraping

/// What the sidecar says about its scrapes and about looking for targets.
enum ScrapeMetrics {
    static func add(_ board: TargetBoard, to builder: inout FamilyBuilder) {
        for status in board.active { add(status, to: &builder) }
        for dropped in board.dropped {
            builder.add(
                "sidecar_scrape_dropped_targets",
                .gauge,
                "Targets that relabelling took away.",
                [(name: "scrape_job", value: dropped.job)],
                Double(dropped.count)
            )
        }
        for statistics in board.discovery { add(statistics, to: &builder) }
    }

    private static func add(_ status: TargetStatus, to builder: inout FamilyBuilder) {
        let labels = [
            (name: "scrape_job", value: status.target.jobName), (name: "target", value: status.target.instance),
        ]
        func count(_ name: String, _ help: String, _ value: UInt64) {
            builder.add(name, .counter, help, labels, Double(value))
        }
        count("sidecar_scrapes_total", "Scrapes made.", status.scrapes)
        for (reason, count) in status.failures.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            builder.add(
                "sidecar_scrape_failures_total",
                .counter,
                "Failed scrapes by reason.",
                labels + [(name: "reason", value: reason.rawValue)],
                Double(count)
            )
        }
        count(
            "sidecar_scrape_skipped_ticks_total",
            "Ticks skipped because the scrape before still ran.",
            status.skippedTicks
        )
        count("sidecar_scrape_edges_total", "Scrapes repeated because the peer closed the connection.", status.edges)
        count("sidecar_scrape_orderly_closes_total", "Closed connections that were no fault.", status.orderlyCloses)
        count(
            "sidecar_scrape_refused_samples_total",
            "Samples of good scrapes that the store refused: doubles, and timestamps too old, too new or out of order.",
            status.refusedSamples
        )
    }

    private static func add(_ statistics: DiscoveryStatistics, to builder: inout FamilyBuilder) {
        let labels = [
            (name: "scrape_job", value: statistics.job), (name: "mechanism", value: statistics.mechanism),
        ]
        builder.add(
            "sidecar_discovery_targets",
            .gauge,
            "Targets found, before relabelling.",
            labels,
            Double(statistics.targets)
        )
        builder.add(
            "sidecar_discovery_failing",
            .gauge,
            "1 while something cannot be read and its old targets are kept.",
            labels,
            statistics.isFailing ? 1 : 0
        )
        for (reason, count) in statistics.failures.sorted(by: { $0.key < $1.key }) {
            builder.add(
                "sidecar_discovery_failures_total",
                .counter,
                "Files and names that could not be read, by reason.",
                labels + [(name: "reason", value: reason)],
                Double(count)
            )
        }
    }
}
