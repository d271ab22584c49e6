// SPDX-License-Identifier: Apache-2.0

import CSystemd
import Glibc
import Synchronization

/// Sends entries to systemd-journald on a thread of its own, because `sd_journal_sendv` blocks for good when journald is
/// stopped.
///
/// "Sent" means handed to the kernel: libsystemd reports success even where no journal exists, so the socket is looked
/// for first, and what found none is counted.
package final class JournalWriter: Sendable {
    package struct Configuration: Sendable {
        package var maximumEntries = 4096
        package var maximumBytes = 8 << 20
        /// Above this, journald may take an entry and never show it.
        package var maximumEntryBytes = 48 << 10
        /// Where journald listens; libsystemd knows no other place.
        package var socketPath = "/run/systemd/journal/socket"

        package init() {}
    }

    /// Counted since the start.
    package struct Statistics: Hashable, Sendable {
        package var sent: UInt64 = 0
        /// Dropped because the queue was full.
        package var overflowed: UInt64 = 0
        /// Dropped because no journald listens.
        package var unreachable: UInt64 = 0
        /// Dropped because libsystemd reported an error.
        package var failed: UInt64 = 0
        /// Sent with less than the whole text.
        package var cut: UInt64 = 0

        package init() {}

        package var dropped: UInt64 { overflowed + unreachable + failed }
    }

    private final class Counters: Sendable {
        let statistics = Mutex(Statistics())
    }

    private let configuration: Configuration
    private let counters: Counters
    private let worker: BlockingWorker<[[UInt8]]>?

    package init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        let counters = Counters()
        self.counters = counters
        let path = configuration.socketPath
        worker = BlockingWorker(
            name: "journal",
            maximumCount: configuration.maximumEntries,
            maximumBytes: configuration.maximumBytes
        ) { entries in
            for entry in entries { deliver(entry, socketPath: path, counters.statistics) }
        }
    }

    package var statistics: Statistics { counters.statistics.withLock { $0 } }

    /// Whether journald's socket is there; says nothing about who reads it.
    package var isReachable: Bool { isSocket(configuration.socketPath) }

    /// Queues an entry; false when it was dropped because the queue is full. Never blocks.
    @discardableResult
    package func send(_ entry: JournalEntry) -> Bool {
        let (fields, size, isCut) = entry.serialized(limit: configuration.maximumEntryBytes)
        let isAccepted = worker?.offer(fields, size: size) ?? false
        counters.statistics.withLock { statistics in
            if !isAccepted { statistics.overflowed += 1 } else if isCut { statistics.cut += 1 }
        }
        return isAccepted
    }

    /// Sends what waits; false when journald did not take it in time. Nothing is accepted afterwards.
    @discardableResult
    package func close(deadline: Duration) -> Bool {
        worker?.close(deadline: deadline) ?? true
    }
}

private func isSocket(_ path: String) -> Bool {
    var information = stat()
    return unsafe stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFSOCK
}

/// On the writer's thread; blocks while journald does.
private func deliver(_ fields: [[UInt8]], socketPath: String, _ statistics: borrowing Mutex<JournalWriter.Statistics>) {
    guard isSocket(socketPath) else {
        statistics.withLock { $0.unreachable += 1 }
        return
    }
    // One block of memory for all fields, so that the vectors point at something that stays.
    var flat: [UInt8] = []
    flat.reserveCapacity(fields.reduce(0) { $0 + $1.count })
    for field in fields { flat += field }
    let outcome = unsafe flat.withUnsafeMutableBytes { bytes in
        guard let base = bytes.baseAddress else { return Int32(0) }
        var offset = 0
        var vectors = unsafe [iovec]()
        for field in fields {
            unsafe vectors.append(iovec(iov_base: base + offset, iov_len: field.count))
            offset += field.count
        }
        return unsafe sd_journal_sendv(vectors, Int32(fields.count))
    }
    statistics.withLock { statistics in
        switch outcome {
        case 0...: statistics.sent += 1
        case -ECONNREFUSED, -ENOENT, -ENOTCONN: statistics.unreachable += 1
        default: statistics.failed += 1
        }
    }
}
