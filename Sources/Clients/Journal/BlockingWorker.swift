// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import Synchronization

/// A bounded queue in front of one thread that may block, such as one that writes to journald or to a pipe.
///
/// Handing over never waits: what does not fit is refused, and the caller counts it.
final class BlockingWorker<Element: Sendable>: Sendable {
    private struct State {
        var queue: [Element] = []
        var sizes = 0
        var isClosing = false
        var isBusy = false
    }

    private let state = Mutex(State())
    private let wake: Semaphore
    private let maximumCount: Int
    private let maximumBytes: Int

    /// - Parameters:
    ///   - maximumBytes: of what `size` says of the waiting elements.
    ///   - handle: called on the worker's thread with all that waits.
    init?(
        name: String,
        maximumCount: Int,
        maximumBytes: Int,
        handle: @escaping @Sendable ([Element]) -> Void
    ) {
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
        wake = Semaphore()
        guard startDetachedThread(name: name, { self.run(handle) }) else { return nil }
    }

    /// False when the queue is full or closed.
    func offer(_ element: Element, size: Int) -> Bool {
        let accepted = state.withLock { state -> Bool in
            guard !state.isClosing, state.queue.count < maximumCount, state.sizes + size <= maximumBytes else {
                return false
            }
            state.queue.append(element)
            state.sizes += size
            return true
        }
        if accepted { wake.signal() }
        return accepted
    }

    /// Accepts nothing more and waits until all is handled; false when the thread is stuck beyond `deadline`.
    func close(deadline: Duration) -> Bool {
        state.withLock { $0.isClosing = true }
        wake.signal()
        let end = ContinuousClock.now + deadline
        while state.withLock({ !$0.queue.isEmpty || $0.isBusy }) {
            guard ContinuousClock.now < end else { return false }
            usleep(1_000)
        }
        return true
    }

    private func run(_ handle: ([Element]) -> Void) {
        while true {
            wake.wait()
            let (batch, isClosing) = state.withLock { state in
                defer {
                    state.isBusy = !state.queue.isEmpty
                    state.queue = []
                    state.sizes = 0
                }
                return (state.queue, state.isClosing)
            }
            if !batch.isEmpty {
                handle(batch)
                state.withLock { $0.isBusy = false }
            } else if isClosing {
                return
            }
        }
    }
}

/// A POSIX semaphore with an address of its own.
///
/// Unchecked: `sem_post` and `sem_wait` are made to be called from any thread; the memory lives as long as the object.
@safe final class Semaphore: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        unsafe semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    func signal() {
        unsafe sem_post(semaphore)
    }

    func wait() {
        while unsafe sem_wait(semaphore) != 0 && errno == EINTR {}
    }
}
