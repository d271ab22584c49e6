// SPDX-License-Identifier: Apache-2.0

/// A timer of an `EventLoop`. Used on the loop's thread only.
package final class LoopTimer {
    let deadline: MonotonicTime
    let sequence: UInt64
    var position: Int?
    var action: (() -> Void)?

    init(deadline: MonotonicTime, sequence: UInt64, action: @escaping () -> Void) {
        self.deadline = deadline
        self.sequence = sequence
        self.action = action
    }

    func precedes(_ other: LoopTimer) -> Bool {
        deadline == other.deadline ? sequence < other.sequence : deadline < other.deadline
    }
}

/// A binary heap of timers that knows where each one stands, so that cancelling costs O(log n) and leaves nothing behind.
struct TimerHeap {
    private var timers: [LoopTimer] = []

    var first: LoopTimer? { timers.first }

    var count: Int { timers.count }

    mutating func insert(_ timer: LoopTimer) {
        timer.position = timers.count
        timers.append(timer)
        siftUp(from: timers.count - 1)
    }

    mutating func remove(_ timer: LoopTimer) {
        guard let position = timer.position else { return }
        timer.position = nil
        let last = timers.removeLast()
        guard last !== timer else { return }
        timers[position] = last
        last.position = position
        siftUp(from: position)
        siftDown(from: last.position ?? position)
    }

    mutating func removeAll() -> [LoopTimer] {
        defer { timers = [] }
        for timer in timers { timer.position = nil }
        return timers
    }

    private mutating func siftUp(from start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard timers[index].precedes(timers[parent]) else { return }
            exchange(index, parent)
            index = parent
        }
    }

    private mutating func siftDown(from start: Int) {
        var index = start
        while true {
            let left = 2 * index + 1
            guard left < timers.count else { return }
            let right = left + 1
            let least = right < timers.count && timers[right].precedes(timers[left]) ? right : left
            guard timers[least].precedes(timers[index]) else { return }
            exchange(index, least)
            index = least
        }
    }

    private mutating func exchange(_ left: Int, _ right: Int) {
        timers.swapAt(left, right)
        timers[left].position = left
        timers[right].position = right
    }
}
