// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Writes lines to a descriptor on a thread of its own: a full pipe holds up nobody who logs.
package final class LineWriter: Sendable {
    private final class Counters: Sendable {
        let dropped = Atomic<UInt64>(0)
    }

    private let counters: Counters
    private let worker: BlockingWorker<[UInt8]>?

    /// - Parameter descriptor: stays open as long as the writer; standard error by default.
    package init(descriptor: Int32 = STDERR_FILENO, maximumLines: Int = 8192, maximumBytes: Int = 4 << 20) {
        let counters = Counters()
        self.counters = counters
        worker = BlockingWorker(name: "log", maximumCount: maximumLines, maximumBytes: maximumBytes) { lines in
            var bytes: [UInt8] = []
            for line in lines { bytes += line }
            if !writeAll(bytes, to: descriptor) { counters.dropped.add(UInt64(lines.count), ordering: .relaxed) }
        }
    }

    /// Lines that did not fit, or that nobody took.
    package var dropped: UInt64 { counters.dropped.load(ordering: .relaxed) }

    package func write(_ line: [UInt8]) {
        guard let worker, worker.offer(line, size: line.count) else {
            counters.dropped.add(1, ordering: .relaxed)
            return
        }
    }

    /// Writes what waits; false when nobody took it in time.
    @discardableResult
    package func close(deadline: Duration) -> Bool {
        worker?.close(deadline: deadline) ?? true
    }
}

private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var written = 0
    while written < bytes.count {
        let count = unsafe bytes[written...].withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        if count > 0 { written += count } else if count < 0, errno == EINTR { continue } else { return false }
    }
    return true
}
