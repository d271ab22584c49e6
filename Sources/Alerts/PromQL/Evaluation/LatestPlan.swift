// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Which sample is a series' present one at each of many steps; the same for all series sampled at the same times.
struct LatestPlan {
    /// The samples that are present at some step, by their position among the times, ascending.
    private(set) var chosen: [Int] = []
    /// For each step the place in `chosen`, or -1.
    private var places: [Int32] = []

    init(for commits: CommitTimes, first: Int64, lookback: Int64, _ window: EvaluationWindow) {
        let times = commits.timestamps
        var gaps = commits.gaps[...]
        places.reserveCapacity(window.count)
        var next = 0
        for step in 0..<window.count {
            let moment = first &+ window.step &* Int64(step)
            while next < times.count, times[next].milliseconds <= moment { next += 1 }
            guard next > 0, times[next - 1].milliseconds > moment.clampedDifference(lookback) else {
                places.append(-1)
                continue
            }
            // A gap begins with a stale marker: nothing is present in it.
            while let gap = gaps.first, gap.upperBound < next { gaps.removeFirst() }
            if let gap = gaps.first, gap.contains(next - 1) {
                places.append(-1)
                continue
            }
            if chosen.last != next - 1 { chosen.append(next - 1) }
            places.append(Int32(clamping: chosen.count - 1))
        }
    }

    /// The steps at which there is a sample, and those between them.
    var extent: Range<Int> {
        guard let first = places.firstIndex(where: { $0 >= 0 }), let last = places.lastIndex(where: { $0 >= 0 }) else {
            return 0..<0
        }
        return first..<(last + 1)
    }

    /// Fills a row that is clear.
    func fill(_ row: inout Row, _ range: Range<Int>, _ values: ArraySlice<Double>) {
        unsafe row.presence.withUnsafeMutableBufferPointer { presence in
            unsafe row.values.withUnsafeMutableBufferPointer { results in
                unsafe values.withUnsafeBufferPointer { values in
                    unsafe places.withUnsafeBufferPointer { places in
                        for index in range {
                            guard unsafe places[index] >= 0 else { continue }
                            unsafe presence[index] = Presence.float
                            unsafe results[index] = values[Int(places[index])]
                        }
                    }
                }
            }
        }
    }
}
