// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// A binary heap of moments; of equal moments the older item comes first.
struct MinimumHeap {
    struct Element {
        var time: Timestamp
        var id: Int64

        static func < (left: Element, right: Element) -> Bool {
            left.time == right.time ? left.id < right.id : left.time < right.time
        }
    }

    private(set) var all: [Element] = []

    var first: Element? { all.first }

    mutating func push(_ element: Element) {
        all.append(element)
        var index = all.count - 1
        while index > 0, all[index] < all[(index - 1) / 2] {
            all.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func popFirst() -> Element? {
        guard let result = all.first, let last = all.popLast() else { return nil }
        guard !all.isEmpty else { return result }
        all[0] = last
        var index = 0
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2] where child < all.count && all[child] < all[smallest] {
                smallest = child
            }
            guard smallest != index else { return result }
            all.swapAt(index, smallest)
            index = smallest
        }
    }
}
