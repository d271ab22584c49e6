// SPDX-License-Identifier: Apache-2.0

import Glibc
import SidecarMetrics
import Synchronization

/// Lines on their way to a descriptor. A thread writes them, so that a slow reader delays nobody.
@safe
final class LineQueue: @unchecked Sendable {
    // Invariant: `waiting`, `isRunning` are touched with `mutex` held.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let descriptor: Int32
    private let limit: Int
    private var waiting: [UInt8] = []
    private var isRunning = false
    private let losses = Atomic<UInt64>(0)

    /// Lines taken that could not be written, because nobody reads them any more.
    var lost: UInt64 { losses.load(ordering: .relaxed) }

    init(descriptor: Int32, limit: Int) {
        self.descriptor = descriptor
        self.limit = limit
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Adds a line; false when there is no room for it.
    func append(_ line: [UInt8]) -> Bool {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        guard waiting.count + line.count <= limit else { return false }
        waiting += line
        if !isRunning { isRunning = DetachedThread.start { self.run() } }
        return isRunning
    }

    /// Writes what waits, lingers a little for more, and ends when nothing comes.
    private func run() {
        // A closed pipe must be an error here, not the end of the process.
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGPIPE)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        var idleRounds = 0
        while idleRounds < 100 {
            let batch = take(endingIfEmpty: idleRounds == 99)
            if batch.isEmpty {
                idleRounds += 1
                usleep(10_000)
            } else {
                idleRounds = 0
                write(batch)
            }
        }
    }

    private func take(endingIfEmpty: Bool) -> [UInt8] {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        if waiting.isEmpty, endingIfEmpty { isRunning = false }
        let batch = waiting
        waiting = []
        return batch
    }

    private func write(_ batch: [UInt8]) {
        var offset = 0
        while offset < batch.count {
            let count = unsafe batch.withUnsafeBytes { bytes in
                unsafe Glibc.write(descriptor, bytes.baseAddress.map { unsafe $0 + offset }, bytes.count - offset)
            }
            if count > 0 {
                offset += count
            } else if errno != EINTR, errno != EAGAIN {
                // Nobody reads the log any more; the rest of this batch is lost.
                let lines = batch[offset...].count { $0 == UInt8(ascii: "\n") }
                losses.wrappingAdd(UInt64(lines), ordering: .relaxed)
                return
            } else {
                usleep(1_000)
            }
        }
    }
}
