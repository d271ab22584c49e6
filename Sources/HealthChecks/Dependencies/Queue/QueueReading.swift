// SPDX-License-Identifier: Apache-2.0

import HealthChecks

/// What is known of a queue at one moment; nil for what was not asked or does not exist there.
struct QueueReading: Hashable, Sendable {
    var waiting: Double?
    var active: Double?
    var delayed: Double?
    var failed: Double?
    var oldestSeconds: Double?
    var workers: Double?

    static let upFamily = CheckFamily("queue_up", help: "Whether the queue could be looked at.")
    private static let jobs = CheckFamily("queue_jobs", help: "Jobs of the queue by state.")
    private static let oldest = CheckFamily("queue_oldest_job_age_seconds", help: "Age of the oldest job that waits.")
    private static let workerFamily = CheckFamily("queue_workers", help: "Workers of the queue.")

    func samples(_ queue: String) -> [CheckSample] {
        let name = CheckLabel("queue", queue)
        var samples = [CheckSample(Self.upFamily, [], 1)]
        let states = [("waiting", waiting), ("active", active), ("delayed", delayed), ("failed", failed)]
        for (state, value) in states {
            guard let value else { continue }
            samples.append(CheckSample(Self.jobs, [name, CheckLabel("state", state)], value))
        }
        if let oldestSeconds { samples.append(CheckSample(Self.oldest, [name], oldestSeconds)) }
        if let workers { samples.append(CheckSample(Self.workerFamily, [name], workers)) }
        return samples
    }

    func result(_ configuration: QueueCheckConfiguration, duration: Duration) -> CheckResult {
        let samples = samples(configuration.queue)
        if let text = problem(configuration) { return .down(.threshold, text, duration: duration, samples: samples) }
        if let text = warning(configuration) {
            return .degraded(.threshold, text, duration: duration, samples: samples)
        }
        return .up(duration: duration, samples: samples)
    }

    private func problem(_ configuration: QueueCheckConfiguration) -> String? {
        if let minimum = configuration.minimumWorkers, let workers, workers < minimum {
            return "\(Self.text(workers)) workers, at least \(Self.text(minimum)) wanted"
        }
        if let maximum = configuration.maximumWaiting, let waiting, waiting > maximum {
            return "\(Self.text(waiting)) jobs wait"
        }
        if let maximum = configuration.maximumAge, let oldestSeconds, oldestSeconds > maximum.inSeconds {
            return "the oldest job waits for \(Self.text(oldestSeconds.rounded())) s"
        }
        if let maximum = configuration.maximumFailed, let failed, failed > maximum {
            return "\(Self.text(failed)) jobs have failed"
        }
        return nil
    }

    private func warning(_ configuration: QueueCheckConfiguration) -> String? {
        if let limit = configuration.warningWaiting, let waiting, waiting > limit {
            return "\(Self.text(waiting)) jobs wait"
        }
        if let limit = configuration.warningAge, let oldestSeconds, oldestSeconds > limit.inSeconds {
            return "the oldest job waits for \(Self.text(oldestSeconds.rounded())) s"
        }
        return nil
    }

    private static func text(_ number: Double) -> String {
        Int64(exactly: number).map { String($0) } ?? String(number)
    }

    static let downSamples = [CheckSample(upFamily, [], 0)]
}
