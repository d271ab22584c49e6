// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Logging
import TimeSeries

/// Syncs the samples' log and the queues of remote write each second, on a thread that may wait for the disk.
final class DiskLoop: Sendable {
    private final class Box {
        var timer: LoopTimer?
        /// What else is to be synced.
        var syncMore: () -> Void = {}
        var wasFailing = false
        /// Operations that had failed and commits that were lost at the last look.
        var failures: UInt64 = 0
    }

    private let loop: EventLoop
    private let store: TimeSeriesStore
    private let logger: Logger
    private let box: LoopBound<Box>

    init(store: TimeSeriesStore, logger: Logger) throws {
        loop = try EventLoop(name: "disk")
        self.store = store
        self.logger = logger
        box = LoopBound(Box(), on: loop)
    }

    /// - Parameter more: syncs the rest, called once a second.
    func start(syncing more: @escaping @Sendable () -> Void) {
        loop.execute { [self] in
            box.value.syncMore = more
            tick()
        }
    }

    /// Syncs once more and ends the thread.
    func stop() async {
        _ = await loop.run { [self] in
            if let timer = box.value.timer { loop.cancel(timer) }
            store.sync()
            box.value.syncMore()
        }
        loop.stop()
    }

    private func tick() {
        store.sync()
        box.value.syncMore()
        let isFailing = lookForFailures()
        if isFailing != box.value.wasFailing {
            box.value.wasFailing = isFailing
            if isFailing {
                logger.error("storage.samples_in_memory_only")
            } else {
                logger.notice("storage.samples_on_disk_again")
            }
        }
        box.value.timer = loop.schedule(after: .seconds(1)) { [self] in tick() }
    }

    /// A full disk may take a new file's first bytes and no more: writable at this moment does not mean well.
    private func lookForFailures() -> Bool {
        guard let log = store.logStatistics else { return false }
        let failures = UInt64(clamping: log.writeFailures) + UInt64(clamping: log.syncFailures)
        defer { box.value.failures = failures }
        return !log.isWritable || failures > box.value.failures
    }
}
