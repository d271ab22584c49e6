// SPDX-License-Identifier: Apache-2.0

package import HTTPClient
import Synchronization
package import TimeSeries

/// One receiver: takes in what is committed, keeps it in a queue, and sends it in rounds.
///
/// A round is split among shards by the hash of the series, shards send side by side, and the next round begins when all
/// have finished: samples of one series are never sent out of order, whatever the number of shards. Any thread may call
/// `committed` and read `statistics`; `sendDue` belongs to one task.
package final class RemoteWriteDestination: Sendable {
    /// The outside world, so that tests can do without it.
    package struct Environment: Sendable {
        package var perform: @Sendable (HTTPRequest) async throws(HTTPFailure) -> HTTPResponse
        package var now: @Sendable () -> Timestamp
        package var sleep: @Sendable (Duration) async throws -> Void

        package init(
            perform: @escaping @Sendable (HTTPRequest) async throws(HTTPFailure) -> HTTPResponse,
            now: @escaping @Sendable () -> Timestamp,
            sleep: @escaping @Sendable (Duration) async throws -> Void
        ) {
            self.perform = perform
            self.now = now
            self.sleep = sleep
        }
    }

    private struct State {
        var writer: FragmentWriter
        var queue: FragmentQueue
        var statistics = RemoteWriteStatistics()
        /// When the oldest of what waits came in; nil sends at once.
        var waitingSince: Timestamp?
        var metadataDue = Timestamp.distantPast
    }

    package let configuration: RemoteWriteConfiguration
    private let environment: Environment
    private let state: Mutex<State>

    /// - Parameters:
    ///   - directory: where the queue stands; nil keeps it in memory.
    ///   - previous: the receiver in whose place this one comes, which sends no more: its queue goes on here.
    ///   - transform: external labels and `write_relabel_configs`; nil leaves a series out.
    package init(
        _ configuration: RemoteWriteConfiguration,
        directory: (any StorageDirectory)?,
        environment: Environment,
        previous: RemoteWriteDestination? = nil,
        transform: @escaping @Sendable (Labels) -> Labels?
    ) {
        self.configuration = configuration
        self.environment = environment
        var limits = FragmentQueue.Limits()
        limits.diskBytes = configuration.queue.diskLimit
        limits.segmentBytes = max(64 << 10, min(1 << 20, configuration.queue.diskLimit / 8))
        // Some 16 bytes a sample, compressed.
        let capacity = configuration.queue.capacity.multipliedReportingOverflow(by: 16)
        limits.memoryBytes = capacity.overflow ? 64 << 20 : min(64 << 20, max(1 << 20, capacity.partialValue))
        let kept = previous?.giveUpQueue()
        var initial = State(
            writer: FragmentWriter(sendsHistograms: configuration.sendsNativeHistograms, transform: transform),
            queue: kept?.queue ?? FragmentQueue(directory: directory, limits: limits)
        )
        if let kept { initial.statistics = kept.statistics }
        state = Mutex(initial)
    }

    package func committed(_ commit: ObservedCommit) {
        let now = environment.now()
        state.withLock { state in
            let (filtered, left) = (state.writer.filtered, state.writer.histogramsLeftOut)
            let fragments = state.writer.fragments(of: commit)
            state.statistics.samplesIn += commit.floats.count + commit.aside.count
            state.statistics.drop(state.writer.filtered - filtered, .relabelled)
            state.statistics.drop(state.writer.histogramsLeftOut - left, .histogramsOff)
            guard !fragments.isEmpty else { return }
            if state.queue.isEmpty { state.waitingSince = now }
            for fragment in fragments { state.queue.append(fragment) }
            state.statistics.highestTimestamp = max(
                state.statistics.highestTimestamp ?? commit.timestamp,
                commit.timestamp
            )
        }
    }

    private func giveUpQueue() -> (queue: FragmentQueue, statistics: RemoteWriteStatistics) {
        state.withLock { state in
            let given = (state.queue, state.statistics)
            state.queue = FragmentQueue(directory: nil, limits: FragmentQueue.Limits())
            return given
        }
    }

    /// Counts samples that came while the queue could not take them.
    func countLost(_ count: Int) { state.withLock { $0.statistics.drop(count, .queueFull) } }

    package func ended(source: UInt32) { state.withLock { $0.writer.forget(source: source) } }

    package var statistics: RemoteWriteStatistics {
        state.withLock { state in
            for (reason, count) in state.queue.takeDropped() { state.statistics.drop(count, reason) }
            state.statistics.samplesPending = state.queue.pendingSamples
            state.statistics.queueBytes = state.queue.bytes
            state.statistics.isQueueOnDisk = state.queue.isOnDisk
            state.statistics.desiredShards = shards(for: state.queue.pendingSamples)
            return state.statistics
        }
    }

    /// What went wrong with the queue's files since the last call.
    package func takeProblems() -> [String] { state.withLock { $0.queue.takeProblems() } }

    /// Makes what has been queued so far outlast a power cut. On a thread that may wait for the disk.
    package func sync() {
        let problems = state.withLock { $0.queue.takeUnsynced() }.sync()
        guard !problems.isEmpty else { return }
        state.withLock { state in
            state.statistics.queueSyncFailures += problems.count
            for problem in problems { state.queue.note(problem.description) }
        }
    }

    // MARK: Sending

    /// Sends one round if it is due, waiting until the receiver has taken it; returns how long to wait before the next
    /// call. Ends early, with the round still at the head of the queue, when the task is cancelled.
    package func sendDue() async -> Duration {
        let now = environment.now()
        let (round, wait) = state.withLock { due(&$0, at: now) }
        guard let round else { return wait }
        let isDone = await send(round)
        state.withLock { state in
            guard isDone else { return }
            state.queue.finish(round)
            state.waitingSince = state.queue.isEmpty ? nil : now
            for fragment in round.fragments {
                let newest = Timestamp(milliseconds: fragment.newest)
                state.statistics.highestSent = max(state.statistics.highestSent ?? newest, newest)
            }
        }
        return .zero
    }

    /// Longest pause, so that a full batch does not wait for the deadline.
    private static let longestPause = Duration.milliseconds(500)

    private func due(_ state: inout State, at now: Timestamp) -> (FragmentQueue.Round?, Duration) {
        let pending = state.queue.pendingSamples
        guard pending > 0 else { return (nil, Self.longestPause) }
        if let since = state.waitingSince, pending < configuration.queue.samplesPerSend {
            let left = configuration.queue.batchDeadline - (now - since)
            // A clock that was set back must not make a batch wait longer.
            if left > .zero, now >= since { return (nil, min(left, Self.longestPause)) }
        }
        let shards = shards(for: pending)
        state.statistics.shards = shards
        return (state.queue.next(shards: shards, samplesPerSend: configuration.queue.samplesPerSend), Self.longestPause)
    }

    private func shards(for pending: Int) -> Int {
        let queue = configuration.queue
        let wanted = (pending + queue.samplesPerSend - 1) / max(1, queue.samplesPerSend)
        return min(max(wanted, queue.minimumShards), max(queue.maximumShards, queue.minimumShards))
    }

    private func send(_ round: FragmentQueue.Round) async -> Bool {
        let requests = requests(of: round)
        return await withTaskGroup(of: Bool.self) { group in
            for shard in requests where !shard.isEmpty {
                group.addTask {
                    for request in shard {
                        guard await self.send(request) else { return false }
                    }
                    return true
                }
            }
            return await group.reduce(true) { $0 && $1 }
        }
    }

    private struct Batch: Sendable {
        var body: [UInt8]
        var samples: Int
    }

    /// For each shard the requests to send one after the other.
    private func requests(of round: FragmentQueue.Round) -> [[Batch]] {
        var writers = Array(repeating: (writer: WireWriter(), samples: 0), count: max(1, round.plan.shards))
        var result = Array(repeating: [Batch](), count: writers.count)
        func flush(_ shard: Int) {
            guard writers[shard].samples > 0 else { return }
            result[shard].append(
                Batch(body: Snappy.compress(writers[shard].writer.bytes), samples: writers[shard].samples)
            )
            writers[shard].writer.removeAll()
            writers[shard].samples = 0
        }
        let limit = configuration.queue.sampleAgeLimit
        let oldest = limit > .zero ? (environment.now() - limit).milliseconds : .min
        for fragment in round.fragments {
            guard fragment.newest >= oldest else {
                state.withLock { $0.statistics.drop(fragment.samples, .tooOld) }
                continue
            }
            let isWhole = fragment.forEach { hash, message in
                let shard = Int(hash % UInt32(truncatingIfNeeded: writers.count))
                writers[shard].writer.data(1, message)
                writers[shard].samples += 1
                if writers[shard].samples >= round.plan.samplesPerSend { flush(shard) }
            }
            if !isWhole { state.withLock { $0.statistics.drop(fragment.samples, .queueDamaged) } }
        }
        for shard in writers.indices { flush(shard) }
        return result
    }

    /// Tries until the receiver has taken or refused it; false when cancelled before that.
    private func send(_ batch: Batch) async -> Bool {
        var backoff = Backoff(minimum: configuration.queue.minimumBackoff, maximum: configuration.queue.maximumBackoff)
        while true {
            switch await attempt(batch.body) {
            case .accepted:
                state.withLock { state in
                    state.statistics.samplesSent += batch.samples
                    state.statistics.bytesSent += batch.body.count
                }
                return true
            case .refused(let reason):
                state.withLock { state in
                    state.statistics.samplesFailed += batch.samples
                    state.statistics.lastFailure = reason
                }
                return true
            case .retry(let reason, let asked):
                state.withLock { state in
                    state.statistics.samplesRetried += batch.samples
                    state.statistics.lastFailure = reason
                }
                do {
                    try await environment.sleep(backoff.wait(asked: asked))
                } catch {
                    return false
                }
                if Task.isCancelled { return false }
            }
        }
    }

    private func attempt(_ body: [UInt8]) async -> SendOutcome {
        let start = ContinuousClock.now
        defer {
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            state.withLock { $0.statistics.requestDurations.observe(seconds) }
        }
        do throws(HTTPFailure) {
            let response = try await environment.perform(configuration.request(body))
            return SendOutcome.judge(
                status: response.status,
                retryAfter: response.report.retryAfter,
                retriesOn429: configuration.queue.retriesOn429
            )
        } catch {
            return .retry(reason: error.reason.rawValue, after: nil)
        }
    }

    // MARK: Metadata

    /// Sends what the metrics are, once in each interval; what fails is sent at the next one.
    package func sendMetadata(_ entries: () -> [RemoteMetadata]) async {
        guard configuration.metadata.isSent else { return }
        let now = environment.now()
        let isDue = state.withLock { state in
            guard now >= state.metadataDue || state.metadataDue > now + configuration.metadata.interval else {
                return false
            }
            state.metadataDue = now + configuration.metadata.interval
            return true
        }
        guard isDue else { return }
        let all = entries()
        let size = max(1, configuration.metadata.entriesPerSend)
        for start in stride(from: 0, to: all.count, by: size) {
            let part = all[start..<min(all.count, start + size)]
            var writer = WireWriter()
            for entry in part { writer.metadata(entry) }
            let outcome = await attempt(Snappy.compress(writer.bytes))
            state.withLock { state in
                if case .accepted = outcome {
                    state.statistics.metadataSent += part.count
                } else {
                    state.statistics.metadataFailed += part.count
                }
            }
        }
    }
}
