// SPDX-License-Identifier: Apache-2.0

/// What a commit writes to the log.
extension SeriesAppender {
    func beginRecord(_ log: SampleLog?, isSetBack: Bool) {
        guard let log, let current = log.current else {
            if segment != nil { clearLogMarks() }
            segment = nil
            log?.countLost()
            return
        }
        if segment !== current || isSetBack {
            clearLogMarks()
            segment = current
        }
        payload.removeAll()
        payload.write(byte: CommitRecordWriter.commitKind)
        payload.write(varint: UInt64(state.number))
        payload.write(varint: UInt64(source.utf8.count))
        for byte in source.utf8 { payload.write(byte: byte) }
        defineLanes()
        record.begin()
    }

    private func clearLogMarks() {
        unsafe table.pointee.forEach { _, entry in entry.mark.subtract([.logged, .loggedValue]) }
    }

    /// Writes the labels of lanes that the segment does not know and that this commit needs.
    private func defineLanes() {
        var lanes: [Int] = []
        unsafe table.pointee.forEach { lane, entry in
            guard !entry.mark.contains(.logged) else { return }
            if entry.mark.contains(.staged) { lanes.append(lane) }
        }
        for sample in unsafe table.pointee.side
        where unsafe table.pointee[Int(sample.lane)].mark.isDisjoint(with: [.logged, .staged]) {
            unsafe table.pointee[Int(sample.lane)].mark.insert(.logged)
            lanes.append(Int(sample.lane))
        }
        guard !lanes.isEmpty else {
            payload.write(varint: 0)
            payload.write(varint: 0)
            return
        }
        lanes.sort()
        core.index.withLock { index in
            var numbers: [UInt32: UInt64] = [:]
            var pairs: [SeriesIndex.Pair] = []
            var series: [(lane: Int, pairs: [UInt64])] = []
            for lane in lanes {
                guard let own = unsafe index.pairNumbers(of: table.pointee[lane].slot) else { continue }
                var list: [UInt64] = []
                for position in 0..<own.count {
                    let number = unsafe own[position]
                    if let known = numbers[number] {
                        list.append(known)
                    } else if let pair = index.pair(number) {
                        numbers[number] = UInt64(pairs.count)
                        list.append(UInt64(pairs.count))
                        pairs.append(pair)
                    }
                }
                series.append((lane, list))
            }
            payload.write(varint: UInt64(pairs.count))
            for pair in pairs {
                payload.write(text: index.names[Int(pair.name)].text)
                payload.write(text: Array(pair.value))
            }
            payload.write(varint: UInt64(series.count))
            for (lane, list) in series {
                payload.write(varint: UInt64(lane))
                payload.write(varint: UInt64(list.count))
                for number in list { payload.write(varint: number) }
            }
        }
        for lane in lanes { unsafe table.pointee[lane].mark.insert(.logged) }
    }

    func write(to log: SampleLog, at timestamp: Timestamp, _ aside: [SideSample]) {
        guard let segment else { return }
        record.end()
        payload.write(signed: timestamp.milliseconds)
        payload.write(varint: UInt64(unsafe table.pointee.count))
        payload.write(varint: UInt64(record.nibbles.count))
        payload.write(bytes: record.nibbles)
        payload.write(varint: UInt64(aside.count))
        for sample in aside {
            payload.write(varint: UInt64(sample.lane))
            payload.write(byte: (sample.timestamp == nil ? 0 : 1) | (sample.value.isHistogram ? 2 : 0))
            if let own = sample.timestamp {
                payload.write(signed: own.milliseconds.saturatingSubtract(timestamp.milliseconds))
            }
            switch sample.value {
            case .float(let value): payload.write(fixed: value.bitPattern)
            case .histogram(let histogram): HistogramCodec.encode(histogram, after: nil, into: &payload)
            }
        }
        log.append(payload.bytes, to: segment, at: timestamp.milliseconds)
    }

    func logRetirement() {
        guard !isReplay, let log = core.log.withLock({ $0 }), let current = log.current else { return }
        payload.removeAll()
        payload.write(byte: CommitRecordWriter.retireKind)
        payload.write(varint: UInt64(state.number))
        payload.write(text: Array(source.utf8))
        payload.write(signed: (newestCommit ?? .distantPast).milliseconds)
        log.append(payload.bytes, to: current, at: newestCommit?.milliseconds ?? .min)
    }
}

extension SampleValue {
    var isHistogram: Bool {
        if case .histogram = self { return true }
        return false
    }
}

extension BitWriter {
    mutating func write(text: [UInt8]) {
        write(varint: UInt64(text.count))
        write(bytes: text)
    }
}
