// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Synchronization

/// One thread that waits for descriptors, timers and other threads.
///
/// All clients of the sidecar share it: libcurl's `multi_socket`, libpq, Redis and the watching of idle connections.
/// `execute` may be called from any thread; timers and watches belong to the loop's thread. Handlers must not block.
package final class EventLoop: Sendable {
    private struct Inbox {
        var tasks: [@Sendable () -> Void] = []
        var isStopping = false
        var isClosed = false
    }

    private let core: LoopCore
    private let inbox = Mutex(Inbox())
    private let thread: Atomic<UInt>
    private let isJoined = Atomic<Bool>(false)

    /// Starts the loop's thread.
    package init(name: String = "event-loop") throws(EventLoopError) {
        core = try LoopCore()
        thread = Atomic(0)
        let start = LoopStart(loop: self, name: name)
        let context = unsafe Unmanaged.passRetained(start)
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setstacksize(&attributes, 1 << 20)
        defer { unsafe pthread_attr_destroy(&attributes) }
        var created = pthread_t()
        let outcome = unsafe pthread_create(&created, &attributes, runEventLoop, context.toOpaque())
        guard outcome == 0 else {
            unsafe context.release()
            throw EventLoopError(call: "pthread_create", code: outcome)
        }
        thread.store(UInt(created), ordering: .releasing)
    }

    /// Whether the caller runs on the loop's thread.
    package var isOnLoop: Bool { pthread_self() == core.owner.load(ordering: .relaxed) }

    package func preconditionOnLoop() {
        precondition(isOnLoop, "loop-confined state touched on another thread")
    }

    /// Runs `task` on the loop's thread, after what was handed over before. False when the loop has stopped: then the
    /// task is dropped.
    @discardableResult
    package func execute(_ task: @escaping @Sendable () -> Void) -> Bool {
        let accepted = inbox.withLock { inbox -> (taken: Bool, wake: Bool) in
            if inbox.isClosed { return (false, false) }
            inbox.tasks.append(task)
            return (true, inbox.tasks.count == 1)
        }
        if accepted.wake && !isOnLoop { core.wake() }
        return accepted.taken
    }

    /// Runs `body` on the loop's thread and waits for its result; nil when the loop has stopped.
    package func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result? {
        await withCheckedContinuation { continuation in
            if !execute({ continuation.resume(returning: body()) }) { continuation.resume(returning: nil) }
        }
    }

    /// Calls `action` once, not before `delay` has passed. On the loop's thread only.
    @discardableResult
    package func schedule(after delay: Duration, _ action: @escaping () -> Void) -> LoopTimer {
        schedule(at: MonotonicTime.now() + delay, action)
    }

    /// Calls `action` once, not before `deadline`. On the loop's thread only.
    @discardableResult
    package func schedule(at deadline: MonotonicTime, _ action: @escaping () -> Void) -> LoopTimer {
        preconditionOnLoop()
        return core.schedule(at: deadline, action)
    }

    /// Forgets a timer; does nothing when it has fired. On the loop's thread only.
    package func cancel(_ timer: LoopTimer) {
        preconditionOnLoop()
        core.cancel(timer)
    }

    /// Watches a descriptor, level-triggered, replacing an earlier watch of it. On the loop's thread only; the
    /// descriptor stays the caller's, who calls `unwatch` before closing it.
    package func watch(
        _ descriptor: Int32,
        for interest: Readiness,
        _ handler: @escaping (Readiness) -> Void
    ) throws(EventLoopError) {
        preconditionOnLoop()
        try core.watch(descriptor, for: interest, handler)
    }

    /// Ends a watch; does nothing when there is none. On the loop's thread only.
    package func unwatch(_ descriptor: Int32) {
        preconditionOnLoop()
        core.unwatch(descriptor)
    }

    /// Registers work for the moment the loop stops, such as answering everybody who still waits. On the loop's
    /// thread only. Run in reverse order of registration.
    package func onStop(_ action: @escaping () -> Void) {
        preconditionOnLoop()
        core.stopActions.append(action)
    }

    /// Stops the thread and waits for its end: stop actions run, then tasks already handed over, then nothing more.
    package func stop() {
        inbox.withLock { $0.isStopping = true }
        core.wake()
        guard !isOnLoop, !isJoined.exchange(true, ordering: .acquiringAndReleasing) else { return }
        pthread_join(pthread_t(thread.load(ordering: .acquiring)), nil)
    }

    fileprivate func runUntilStopped() {
        core.owner.store(pthread_self(), ordering: .relaxed)
        while true {
            let (tasks, isStopping) = takeTasks()
            for task in tasks { task() }
            if isStopping { break }
            core.fireTimers()
            let isIdle = inbox.withLock { $0.tasks.isEmpty && !$0.isStopping }
            core.poll(waiting: isIdle)
        }
        for action in core.stopActions.reversed() { action() }
        while true {
            let remaining = inbox.withLock { inbox -> [@Sendable () -> Void] in
                if inbox.tasks.isEmpty { inbox.isClosed = true }
                defer { inbox.tasks = [] }
                return inbox.tasks
            }
            if remaining.isEmpty { break }
            for task in remaining { task() }
        }
        core.discardAll()
    }

    private func takeTasks() -> (tasks: [@Sendable () -> Void], isStopping: Bool) {
        inbox.withLock { inbox in
            defer { inbox.tasks = [] }
            return (inbox.tasks, inbox.isStopping)
        }
    }
}

/// What the new thread is handed.
private final class LoopStart {
    let loop: EventLoop
    let name: String

    init(loop: EventLoop, name: String) {
        self.loop = loop
        self.name = name
    }
}

/// The thread's body. Signals are the main thread's affair; a blocked SIGPIPE turns into an error of the write.
private func runEventLoop(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    let start = unsafe Unmanaged<LoopStart>.fromOpaque(context).takeRetainedValue()
    var signals = sigset_t()
    unsafe sigfillset(&signals)
    unsafe pthread_sigmask(SIG_SETMASK, &signals, nil)
    _ = unsafe start.name.withCString { name in unsafe clinux_name_thread(name) }
    start.loop.runUntilStopped()
    return nil
}
