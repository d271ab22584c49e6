// SPDX-License-Identifier: Apache-2.0

/// Virtual time and what is to happen in it. Nothing waits: time is wherever the next event stands.
struct Agenda {
    private struct Entry {
        let at: Duration
        let order: UInt64
        let body: () -> Void
    }

    /// Since the beginning of the simulation; no jump of the wall clock touches it.
    private(set) var now: Duration = .zero
    private var heap: [Entry] = []
    private var count: UInt64 = 0

    private static func isBefore(_ left: Entry, _ right: Entry) -> Bool {
        left.at != right.at ? left.at < right.at : left.order < right.order
    }

    mutating func add(after delay: Duration, _ body: @escaping () -> Void) {
        count += 1
        heap.append(Entry(at: now + max(delay, .zero), order: count, body: body))
        var index = heap.count - 1
        while index > 0, Self.isBefore(heap[index], heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// Moves time to the next event before `end` and hands it out.
    mutating func next(until end: Duration) -> (() -> Void)? {
        guard let first = heap.first, first.at <= end else {
            now = max(now, end)
            return nil
        }
        now = first.at
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var index = 0
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if Self.isBefore(heap[child], heap[smallest]) { smallest = child }
            }
            if smallest == index { break }
            heap.swapAt(index, smallest)
            index = smallest
        }
        return first.body
    }
}
