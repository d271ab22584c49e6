// SPDX-License-Identifier: Apache-2.0

/// Explicit timestamps, native histograms, and samples of series that another source writes.
extension SeriesAppender {
    func appendAside(_ reference: SeriesReference, _ value: SampleValue, at timestamp: Timestamp?) -> Bool {
        guard knows(reference) else {
            unsafe table.pointee.unknown += 1
            return false
        }
        if timestamp == nil {
            let lane = Int(reference.lane)
            if unsafe !table.pointee[lane].mark.isDisjoint(with: Mark.anyStaged) {
                unsafe table.pointee.duplicates += 1
                return true
            }
            unsafe table.pointee[lane].mark.insert(.stagedAside)
        }
        unsafe table.pointee.side.append(SideSample(lane: reference.lane, timestamp: timestamp, value: value))
        return true
    }

    /// What takes the side road in this commit: explicit timestamps, histograms, samples of foreign lanes, and the stale
    /// markers of those that are missing.
    func prepareSide(
        _ timestamp: Timestamp,
        _ summary: inout CommitSummary
    ) -> [(sample: SideSample, isMarker: Bool)] {
        var result: [(sample: SideSample, isMarker: Bool)] = []
        let oldest = timestamp - core.configuration.oldestExplicitAge
        let newest = timestamp + core.configuration.newestExplicitLead
        var present: Set<UInt32> = []
        for sample in unsafe table.pointee.side {
            if let own = sample.timestamp {
                if own < oldest {
                    summary.tooOld += 1
                } else if own > newest {
                    summary.tooNew += 1
                } else {
                    result.append((sample, false))
                }
            } else {
                present.insert(sample.lane)
                result.append((sample, false))
            }
        }
        if present.isEmpty, marks.isDisjoint(with: [.foreign, .aside]) { return result }
        unsafe table.pointee.forEach { lane, entry in
            guard !entry.mark.isDisjoint(with: [.foreign, .aside]) else { return }
            let number = UInt32(lane)
            if entry.mark.contains([.foreign, .staged]) {
                result.append((SideSample(lane: number, timestamp: nil, value: .float(entry.value)), false))
                present.insert(number)
                if !entry.mark.contains(.active) { summary.seriesAdded += 1 }
                entry.mark.insert(.active)
            }
            entry.mark.remove(.staged)
            if entry.mark.contains(.active), !present.contains(number) {
                entry.mark.remove(.active)
                let marker = SampleValue.float(StaleMarker.value)
                result.append((SideSample(lane: number, timestamp: nil, value: marker), true))
            }
        }
        for lane in present.sorted() {
            unsafe table.pointee[Int(lane)].mark.remove(.stagedAside)
            if unsafe !table.pointee[Int(lane)].mark.contains(.active) { summary.seriesAdded += 1 }
            unsafe table.pointee[Int(lane)].mark.insert(.active)
            if unsafe !table.pointee[Int(lane)].mark.contains(.foreign) {
                unsafe table.pointee[Int(lane)].mark.insert(.aside)
            }
        }
        return result
    }

    func finish(
        _ samples: inout SampleState,
        row: UInt32,
        _ timestamp: Timestamp,
        _ aside: [(sample: SideSample, isMarker: Bool)],
        _ summary: inout CommitSummary
    ) -> [(sample: SideSample, isMarker: Bool)] {
        var accepted: [(sample: SideSample, isMarker: Bool)] = []
        for (sample, isMarker) in aside {
            let before = summary.stored + summary.staleMarkers
            samples.appendAside(
                sample.value,
                at: (sample.timestamp ?? timestamp).milliseconds,
                slot: unsafe table.pointee[Int(sample.lane)].slot,
                isMarker: isMarker,
                &summary
            )
            if summary.stored + summary.staleMarkers > before { accepted.append((sample, isMarker)) }
            if unsafe samples.directory[table.pointee[Int(sample.lane)].slot] == nil {
                samples.letGo(of: sample.lane, state)
            }
        }
        samples.committed[Int(state.number)] = row + 1
        samples.statistics.add(summary)
        return accepted
    }
}
