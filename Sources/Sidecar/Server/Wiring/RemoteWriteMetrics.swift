// SPDX-License-Identifier: Apache-2.0

import Exposition
import RemoteWrite
import TimeSeries

/// The figures of one receiver as metrics.
enum RemoteWriteMetrics {
    static func add(
        _ configuration: RemoteWriteConfiguration,
        _ statistics: RemoteWriteStatistics,
        _ builder: inout FamilyBuilder
    ) {
        let labels = [(name: "remote_name", value: configuration.name), (name: "url", value: configuration.shownURL)]
        func add(
            _ name: String,
            _ kind: MetricKind,
            _ help: String,
            _ value: Double,
            _ more: [(name: String, value: String)] = []
        ) {
            builder.add(name, kind, help, labels + more, value)
        }
        let prefix = "prometheus_remote_storage_"
        add(prefix + "samples_total", .counter, "Samples that a receiver took.", Double(statistics.samplesSent))
        add(
            prefix + "samples_failed_total",
            .counter,
            "Samples that a receiver refused for good.",
            Double(statistics.samplesFailed)
        )
        add(prefix + "samples_retried_total", .counter, "Samples sent again.", Double(statistics.samplesRetried))
        for reason in RemoteWriteStatistics.DropReason.allCases {
            add(
                prefix + "samples_dropped_total",
                .counter,
                "Samples that were not sent, by reason.",
                Double(statistics.samplesDropped[reason] ?? 0),
                [(name: "reason", value: reason.rawValue)]
            )
        }
        add(prefix + "samples_pending", .gauge, "Samples that wait to be sent.", Double(statistics.samplesPending))
        add(prefix + "samples_in_total", .counter, "Samples that came in.", Double(statistics.samplesIn))
        add(prefix + "bytes_total", .counter, "Bytes of samples sent, compressed.", Double(statistics.bytesSent))
        add(prefix + "metadata_total", .counter, "Entries of metadata sent.", Double(statistics.metadataSent))
        add(
            prefix + "metadata_failed_total",
            .counter,
            "Entries of metadata that a receiver did not take.",
            Double(statistics.metadataFailed)
        )
        add(prefix + "shards", .gauge, "Requests sent side by side.", Double(statistics.shards))
        add(
            prefix + "shards_desired",
            .gauge,
            "Requests side by side that what waits asks for.",
            Double(statistics.desiredShards)
        )
        let queue = configuration.queue
        add(prefix + "shards_min", .gauge, "Fewest requests side by side.", Double(queue.minimumShards))
        add(prefix + "shards_max", .gauge, "Most requests side by side.", Double(queue.maximumShards))
        add(prefix + "max_samples_per_send", .gauge, "Most samples of a request.", Double(queue.samplesPerSend))
        let highest = statistics.highestTimestamp ?? Timestamp(milliseconds: 0)
        let sent = statistics.highestSent ?? Timestamp(milliseconds: 0)
        add(
            prefix + "highest_timestamp_in_seconds",
            .gauge,
            "Newest timestamp that came in.",
            Double(highest.milliseconds) / 1_000
        )
        add(
            prefix + "queue_highest_sent_timestamp_seconds",
            .gauge,
            "Newest timestamp that was sent.",
            Double(sent.milliseconds) / 1_000
        )
        builder.add(
            prefix + "sent_batch_duration_seconds",
            "How long requests took, those that failed among them.",
            labels,
            MetricHistogram(statistics.requestDurations)
        )
        let own = "sidecar_remote_write_"
        add(own + "queue_bytes", .gauge, "Size of the queue.", Double(statistics.queueBytes))
        add(
            own + "queue_on_disk",
            .gauge,
            "0 while the queue is kept in memory only.",
            statistics.isQueueOnDisk ? 1 : 0
        )
        add(
            own + "queue_sync_failures_total",
            .counter,
            "Times the queue could not be brought to the medium.",
            Double(statistics.queueSyncFailures)
        )
    }
}

extension MetricHistogram {
    fileprivate init(_ durations: RequestDurations) {
        var buckets = zip(RequestDurations.bounds, durations.cumulative).map { bound, count in
            Bucket(upperBound: bound, cumulativeCount: Double(count))
        }
        buckets.append(Bucket(upperBound: .infinity, cumulativeCount: Double(durations.count)))
        self.init(count: Double(durations.count), sum: durations.sum, buckets: buckets)
    }
}
