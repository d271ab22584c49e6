// SPDX-License-Identifier: Apache-2.0

/// Samples of one series that do not fit the rows of a source: explicit timestamps, native histograms, and samples of a
/// series that another source owns. Each sample has its own timestamp; blocks of up to 120 are compressed.
struct SideColumn {
    private struct Block {
        var first: Int64
        var last: Int64
        var count: Int
        /// Timestamps, then values, as pages; eight zeros follow so that a decoder may load past the end.
        var pages: [UInt8]
        var valuesOffset: Int
        /// One packed histogram after the other, in place of a page of values.
        var holdsHistograms: Bool

        var byteCount: Int { 80 + pages.capacity }
    }

    static let blockSize = 120
    /// For the few words of this value in the dictionary that holds it.
    static let overhead = 128

    private var blocks: [Block] = []
    private var times: [Int64] = []
    private var values: [Double] = []
    private var histograms: [FloatHistogram] = []
    private(set) var byteCount = overhead
    private(set) var samples = 0

    var isEmpty: Bool { blocks.isEmpty && times.isEmpty }
    var newest: Int64? { times.last ?? blocks.last?.last }
    var oldest: Int64? { blocks.first?.first ?? times.first }
    /// True when every sample is a float.
    var holdsOnlyFloats: Bool { histograms.isEmpty && !blocks.contains { $0.holdsHistograms } }

    mutating func append(_ value: SampleValue, at timestamp: Int64, _ context: inout ColumnContext) {
        let before = byteCount
        switch value {
        case .float(let value):
            if !histograms.isEmpty || times.count == Self.blockSize { seal(&context) }
            values.append(value)
            byteCount += 16
        case .histogram(let histogram):
            if !values.isEmpty || times.count == Self.blockSize / 4 { seal(&context) }
            histograms.append(histogram)
            byteCount += 8 + Self.size(of: histogram)
        }
        times.append(timestamp)
        samples += 1
        context.samples += 1
        context.bytes += byteCount - before
    }

    private static func size(of histogram: FloatHistogram) -> Int {
        let spans = histogram.positiveSpans.count + histogram.negativeSpans.count
        let floats = histogram.positiveBuckets.count + histogram.negativeBuckets.count + histogram.customValues.count
        return MemoryLayout<FloatHistogram>.size + 8 * (spans + floats) + 32 * 3
    }

    private mutating func seal(_ context: inout ColumnContext) {
        guard let first = times.first, let last = times.last else { return }
        let count = times.count
        context.writer.removeAll()
        for index in 1..<max(1, count) { context.steps[index] = times[index] &- times[index - 1] }
        var header = PageHeader(kind: .constant, flags: [], count: count)
        header.base = first
        PageCodec.encode(header, steps: context.steps, into: &context.writer)
        let valuesOffset = context.writer.bytes.count
        let holdsHistograms = !histograms.isEmpty
        if holdsHistograms {
            var previous: FloatHistogram?
            for histogram in histograms {
                HistogramCodec.encode(histogram, after: previous, into: &context.writer)
                previous = histogram
            }
        } else {
            encodeValues(&context)
        }
        for _ in 0..<8 { context.writer.write(byte: 0) }
        let block = Block(
            first: first,
            last: last,
            count: count,
            pages: Array(context.writer.bytes),
            valuesOffset: valuesOffset,
            holdsHistograms: holdsHistograms
        )
        byteCount -= values.count * 16
        for histogram in histograms { byteCount -= 8 + Self.size(of: histogram) }
        byteCount += block.byteCount
        blocks.append(block)
        times.removeAll(keepingCapacity: false)
        values.removeAll(keepingCapacity: false)
        histograms.removeAll(keepingCapacity: false)
    }

    private func encodeValues(_ context: inout ColumnContext) {
        var header = PageHeader(kind: .constant, flags: [], count: values.count)
        // Stale markers and other odd values have no scale, which makes the block one of floats.
        var scale = 0
        for value in values {
            guard let (own, _) = Decimal.scale(holding: value, from: scale) else {
                scale = Int(PageHeader.rawScale)
                break
            }
            scale = own
        }
        let numbers = scale > Decimal.maximumScale ? [] : values.compactMap { Decimal.whole(of: $0, scale: scale) }
        guard numbers.count == values.count else {
            for (index, value) in values.enumerated() { context.floats[index] = value.bitPattern }
            return PageCodec.encode(header, floats: context.floats, into: &context.writer)
        }
        header.scale = UInt8(scale)
        header.base = numbers[0]
        for index in 1..<max(1, numbers.count) { context.steps[index] = numbers[index] &- numbers[index - 1] }
        PageCodec.encode(header, steps: context.steps, into: &context.writer)
    }

    /// Drops blocks that end before a moment, and the open block too when it is all older.
    mutating func removeSamples(before moment: Int64, _ context: inout ColumnContext) {
        let before = byteCount
        let gone = blocks.prefix { $0.last < moment }
        for block in gone {
            byteCount -= block.byteCount
            samples -= block.count
            context.samples -= block.count
        }
        blocks.removeFirst(gone.count)
        if let last = times.last, last < moment, blocks.isEmpty { clearOpen(&context) }
        context.bytes += byteCount - before
    }

    /// Drops samples at or after a moment, because the clock was set back.
    mutating func cut(from moment: Int64, _ context: inout ColumnContext) {
        guard let newest, newest >= moment else { return }
        var kept = SampleColumns()
        read(after: .min, through: moment.saturatingSubtract(1), into: &kept)
        removeAll(&context)
        for index in 0..<kept.count { append(kept.value(at: index), at: kept.timestamps[index].milliseconds, &context) }
    }

    mutating func removeAll(_ context: inout ColumnContext) {
        context.samples -= samples
        context.bytes -= byteCount - Self.overhead
        self = SideColumn()
    }

    private mutating func clearOpen(_ context: inout ColumnContext) {
        samples -= times.count
        context.samples -= times.count
        byteCount -= values.count * 16
        for histogram in histograms { byteCount -= 8 + Self.size(of: histogram) }
        times.removeAll()
        values.removeAll()
        histograms.removeAll()
    }

    /// Appends the samples with `start < timestamp <= end`.
    func read(after start: Int64, through end: Int64, into columns: inout SampleColumns) {
        for block in blocks where block.last > start && block.first <= end {
            unpack(block) { timestamp, value in
                guard timestamp > start, timestamp <= end else { return }
                switch value {
                case .float(let value): columns.append(value, at: Timestamp(milliseconds: timestamp))
                case .histogram(let value): columns.append(value, at: Timestamp(milliseconds: timestamp))
                }
            }
        }
        for index in times.indices where times[index] > start && times[index] <= end {
            if histograms.isEmpty {
                columns.append(values[index], at: Timestamp(milliseconds: times[index]))
            } else {
                columns.append(histograms[index], at: Timestamp(milliseconds: times[index]))
            }
        }
    }

    func latest(atOrBefore moment: Int64) -> (timestamp: Int64, value: SampleValue)? {
        if let index = times.lastIndex(where: { $0 <= moment }) {
            return (times[index], histograms.isEmpty ? .float(values[index]) : .histogram(histograms[index]))
        }
        guard let block = blocks.last(where: { $0.first <= moment }) else { return nil }
        var found: (timestamp: Int64, value: SampleValue)?
        unpack(block) { timestamp, value in if timestamp <= moment { found = (timestamp, value) } }
        return found
    }

    private func unpack(_ block: Block, _ body: (Int64, SampleValue) -> Void) {
        unsafe block.pages.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return }
            var blockTimes: [Int64] = []
            var reader = unsafe BitReader(start, byteCount: bytes.count)
            let header = PageHeader(&reader)
            var time = header.base
            blockTimes.append(time)
            if header.kind == .numbers {
                unsafe PageCodec.forEachStep(header, &reader, start, block.valuesOffset, limit: block.count) {
                    _,
                    step in
                    time = time &+ step
                    blockTimes.append(time)
                }
            }
            guard blockTimes.count == block.count else { return }
            if block.holdsHistograms {
                var reader = unsafe BitReader(start, byteCount: bytes.count)
                reader.skip(block.valuesOffset * 8)
                var previous: FloatHistogram?
                for timestamp in blockTimes {
                    guard let histogram = HistogramCodec.decode(after: previous, from: &reader) else { return }
                    body(timestamp, .histogram(histogram))
                    previous = histogram
                }
                return
            }
            unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: Column.pageCapacity) { room in
                guard let output = room.baseAddress else { return }
                let count = unsafe PageCodec.decode(
                    start + block.valuesOffset,
                    byteCount: bytes.count - 8 - block.valuesOffset,
                    into: output
                )
                for index in 0..<min(count, block.count) { unsafe body(blockTimes[index], .float(output[index])) }
            }
        }
    }
}
