// SPDX-License-Identifier: Apache-2.0

/// Hears of every commit as soon as readers can see it, on the writer's thread; what a log brings back is not told.
package protocol CommitObserver: AnyObject, Sendable {
    /// To be quick about it: the writer waits.
    func committed(_ commit: ObservedCommit)
    /// The source is gone; its number may come again for another one.
    func ended(source: UInt32)
}

/// One commit, as an observer is told of it. Series go by the number of their lane among those of the source.
package struct ObservedCommit: Sendable {
    package struct NewSeries: Sendable {
        package var lane: UInt32
        package var labels: Labels
    }

    package struct Float: Sendable {
        package var lane: UInt32
        package var value: Double
    }

    package struct Aside: Sendable {
        package var lane: UInt32
        package var timestamp: Timestamp
        package var value: SampleValue
    }

    /// The number of the source.
    package var source: UInt32
    package var timestamp: Timestamp
    /// Lanes that stand for other series than they did before, or that this observer has not heard of. To be read first.
    package var series: [NewSeries] = []
    /// Samples with the commit's timestamp, stale markers included.
    package var floats: [Float] = []
    /// Samples with timestamps of their own, native histograms, and what came the side road.
    package var aside: [Aside] = []
}

extension TimeSeriesStore {
    /// Tells an observer of all commits from now on; there is one at a time.
    package func observe(with observer: (any CommitObserver)?) { core.observer.withLock { $0 = observer } }
}

extension SeriesAppender {
    /// Begins to note what the commit stores, if anyone wants to know.
    func beginObservation(at timestamp: Timestamp) {
        let observer = isReplay ? nil : core.observer.withLock { $0 }
        if observer !== self.observer {
            unsafe table.pointee.forEach { _, entry in entry.mark.remove(.observed) }
            self.observer = observer
        }
        observed = observer == nil ? nil : ObservedCommit(source: state.number, timestamp: timestamp)
    }

    /// Tells what was noted; new series are looked up by now.
    func endObservation(_ aside: [(sample: LaneTable.SideSample, isMarker: Bool)]) {
        guard let observer, var commit = observed else { return }
        observed = nil
        for (sample, _) in aside {
            let timestamp = sample.timestamp ?? commit.timestamp
            commit.aside.append(.init(lane: sample.lane, timestamp: timestamp, value: sample.value))
        }
        var lanes = commit.floats.map(\.lane)
        lanes += commit.aside.map(\.lane)
        lanes.removeAll { unsafe table.pointee[Int($0)].mark.contains(.observed) }
        if !lanes.isEmpty {
            core.index.withLock { index in
                for lane in lanes where unsafe !table.pointee[Int(lane)].mark.contains(.observed) {
                    guard let labels = unsafe index.labels(of: table.pointee[Int(lane)].slot) else { continue }
                    commit.series.append(.init(lane: lane, labels: labels))
                    unsafe table.pointee[Int(lane)].mark.insert(.observed)
                }
            }
        }
        observer.committed(commit)
    }
}
