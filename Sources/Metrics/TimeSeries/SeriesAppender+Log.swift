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
        let begun = payload.bytes.count
        defineLanes()
        definitionBytes = payload.bytes.count - begun
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
            var numbering = PairNumbering()
            var series = BitWriter()
            var count = 0
            for lane in lanes {
                guard let own = unsafe index.pairNumbers(of: table.pointee[lane].slot) else { continue }
                series.write(varint: UInt64(lane))
                series.write(varint: UInt64(own.count))
                for position in 0..<own.count {
                    series.write(varint: UInt64(numbering.number(of: unsafe own[position])))
                }
                count += 1
            }
            payload.write(varint: UInt64(numbering.pairs.count))
            for number in numbering.pairs {
                guard let pair = index.pair(number) else { preconditionFailure("a series with a pair that is gone") }
                payload.write(text: index.names[Int(pair.name)].text)
                payload.write(text: pair.value)
            }
            payload.write(varint: UInt64(count))
            payload.write(bytes: series.bytes)
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
        log.append(payload.bytes, definitions: definitionBytes, to: segment, at: timestamp.milliseconds)
    }

    func logRetirement() {
        guard !isReplay, let log = core.log.withLock({ $0 }), let current = log.current else { return }
        payload.removeAll()
        payload.write(byte: CommitRecordWriter.retireKind)
        payload.write(varint: UInt64(state.number))
        payload.write(text: Array(source.utf8))
        payload.write(signed: (newestCommit ?? .distantPast).milliseconds)
        log.append(payload.bytes, definitions: 0, to: current, at: newestCommit?.milliseconds ?? .min)
    }
}

extension SampleValue {
    var isHistogram: Bool {
        if case .histogram = self { return true }
        return false
    }
}

extension BitWriter {
    mutating func write(text: some Collection<UInt8>) {
        write(varint: UInt64(text.count))
        write(bytes: text)
    }
}
