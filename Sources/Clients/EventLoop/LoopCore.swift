// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Synchronization

/// The loop's descriptors, timers and watches.
///
/// Unchecked: apart from `wake` and `owner`, everything here is touched on the loop's thread only, which `EventLoop` checks.
final class LoopCore: @unchecked Sendable {
    private struct Watch {
        var interest: Readiness
        var generation: UInt32
        var handler: (Readiness) -> Void
    }

    private static let eventsPerWait = 64

    /// The loop's thread, 0 before it runs.
    let owner = Atomic<pthread_t>(0)
    var stopActions: [() -> Void] = []
    private let epoll: Int32
    private let wakeUp: Int32
    private var watches: [Watch?] = []
    private var generation: UInt32 = 0
    private var timers = TimerHeap()
    private var timerSequence: UInt64 = 0
    private var events = [clinux_event](repeating: clinux_event(), count: eventsPerWait)

    init() throws(EventLoopError) {
        let epoll = clinux_epoll_create()
        guard epoll >= 0 else { throw EventLoopError(call: "epoll_create1", code: errno) }
        let wakeUp = clinux_eventfd_create()
        guard wakeUp >= 0 else {
            let code = errno
            close(epoll)
            throw EventLoopError(call: "eventfd", code: code)
        }
        self.epoll = epoll
        self.wakeUp = wakeUp
        guard clinux_epoll_control(epoll, EPOLL_CTL_ADD, wakeUp, EPOLLIN.rawValue, Self.tag(wakeUp, 0)) == 0 else {
            throw EventLoopError(call: "epoll_ctl", code: errno)
        }
    }

    deinit {
        close(epoll)
        close(wakeUp)
    }

    /// Ends the current wait, from any thread.
    func wake() {
        var one: UInt64 = 1
        _ = unsafe write(wakeUp, &one, MemoryLayout<UInt64>.size)
    }

    // MARK: Timers

    func schedule(at deadline: MonotonicTime, _ action: @escaping () -> Void) -> LoopTimer {
        timerSequence &+= 1
        let timer = LoopTimer(deadline: deadline, sequence: timerSequence, action: action)
        timers.insert(timer)
        return timer
    }

    func cancel(_ timer: LoopTimer) {
        timers.remove(timer)
        timer.action = nil
    }

    /// Fires what is due now; a timer that a timer sets for now waits for the next round, so that descriptors get their turn.
    func fireTimers() {
        guard timers.first != nil else { return }
        let now = MonotonicTime.now()
        let last = timerSequence
        while let timer = timers.first, timer.deadline <= now, timer.sequence <= last {
            timers.remove(timer)
            let action = timer.action
            timer.action = nil
            action?()
        }
    }

    // MARK: Descriptors

    func watch(_ descriptor: Int32, for interest: Readiness, _ handler: @escaping (Readiness) -> Void)
        throws(EventLoopError)
    {
        guard descriptor >= 0 else { throw EventLoopError(call: "epoll_ctl", code: EBADF) }
        let index = Int(descriptor)
        while watches.count <= index { watches.append(nil) }
        let isNew = watches[index] == nil
        generation &+= 1
        let tag = Self.tag(descriptor, generation)
        var outcome = control(isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, interest, tag)
        // A library that closes its descriptors itself takes them out of the kernel's list behind our back.
        if outcome == ENOENT { outcome = control(EPOLL_CTL_ADD, descriptor, interest, tag) }
        if outcome == EEXIST { outcome = control(EPOLL_CTL_MOD, descriptor, interest, tag) }
        guard outcome == 0 else {
            watches[index] = nil
            throw EventLoopError(call: "epoll_ctl", code: outcome)
        }
        watches[index] = Watch(interest: interest, generation: generation, handler: handler)
    }

    private func control(_ operation: Int32, _ descriptor: Int32, _ interest: Readiness, _ tag: UInt64) -> Int32 {
        clinux_epoll_control(epoll, operation, descriptor, interest.rawValue, tag) == 0 ? 0 : errno
    }

    func unwatch(_ descriptor: Int32) {
        let index = Int(descriptor)
        guard watches.indices.contains(index), watches[index] != nil else { return }
        watches[index] = nil
        _ = clinux_epoll_control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0)
    }

    /// Waits for descriptors until the next timer is due, and calls their handlers.
    func poll(waiting: Bool) {
        let timeout = waiting ? millisecondsToNextTimer() : 0
        let count = unsafe events.withUnsafeMutableBufferPointer { buffer in
            unsafe clinux_epoll_wait(epoll, buffer.baseAddress, Int32(Self.eventsPerWait), timeout)
        }
        for index in 0..<Int(count) {
            let event = events[index]
            dispatch(event.tag, Readiness(rawValue: event.events))
        }
    }

    func discardAll() {
        watches = []
        for timer in timers.removeAll() { timer.action = nil }
        stopActions = []
    }

    private func dispatch(_ tag: UInt64, _ readiness: Readiness) {
        let descriptor = Int32(truncatingIfNeeded: tag)
        if descriptor == wakeUp {
            var count: UInt64 = 0
            _ = unsafe read(wakeUp, &count, MemoryLayout<UInt64>.size)
            return
        }
        // A handler earlier in this batch may have closed the descriptor and opened another with its number.
        let index = Int(descriptor)
        guard watches.indices.contains(index), let watch = watches[index],
            watch.generation == UInt32(truncatingIfNeeded: tag >> 32)
        else { return }
        watch.handler(readiness)
    }

    private func millisecondsToNextTimer() -> Int32 {
        guard let timer = timers.first else { return -1 }
        let remaining = (timer.deadline - MonotonicTime.now()).millisecondsRoundedUp
        return Int32(clamping: max(0, remaining))
    }

    private static func tag(_ descriptor: Int32, _ generation: UInt32) -> UInt64 {
        UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
    }
}
