// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Reads one target's bodies, scrape after scrape, as they arrive, and remembers nothing but their layout.
///
/// A body begins with `begin`, goes through `read` piece by piece and ends with `end`, or with `abandon` when the scrape
/// failed; then the layout stays as it was. For each stretch of lines that stand where they stood before, the handler
/// gets `known` with the values; the caller keeps an array of what belongs to each sample of the last body. A changed
/// body costs a look-up for each line that moved, and leaves a new layout, announced by the result of `end`.
public struct LayoutReader: Sendable {
    /// What was read. Ranges count bytes of the block that comes with it.
    public enum Event: Sendable, Hashable {
        /// These samples of the last body again, in order and place; the values come along.
        case known(Range<Int>)
        /// One sample. `previous` is its number in the last body, nil for a series that is new.
        case sample(
            previous: Int?,
            series: Range<Int>,
            value: Double,
            timestampMilliseconds: Int64?,
            exemplar: ExpositionCursor.ExemplarRange?
        )
        /// New or changed metadata.
        case metadata(ExpositionCursor.Entry)
    }

    /// Gets each event, the block its ranges count in, and the values of `known`. Returns false to stop, for a limit.
    public typealias Handler = (_ event: Event, _ block: Span<UInt8>, _ values: Span<Double>) -> Bool

    /// Samples read of the current body.
    public private(set) var samplesRead = 0
    /// The layout of the last whole body.
    public private(set) var layout: ExpositionLayout
    /// The cursor over the current body, for the line number.
    public private(set) var cursor = ExpositionCursor(.text)

    private var splitter: LineSplitter
    private var position = ExpositionLayout.Position()
    /// Set from the first difference on: what the layout becomes.
    private var rebuilt: ExpositionLayout?
    private var values: [Double]
    private static let longestRun = 1024

    /// Creates a reader for one target.
    /// - Parameters:
    ///   - longestLine: lines that span chunks may be this long.
    ///   - seed: a random number; see `ExpositionLayout`.
    public init(longestLine: Int = 1 << 20, seed: UInt64 = 0) {
        self.layout = ExpositionLayout(seed: seed)
        self.splitter = LineSplitter(longestLine: longestLine)
        self.values = []
    }

    /// Begins a body.
    /// - Parameter encoding: text or OpenMetrics, from the content type.
    public mutating func begin(_ encoding: ExpositionFormat.Encoding) {
        cursor = ExpositionCursor(encoding)
        splitter.reset()
        position = .init()
        rebuilt = nil
        samplesRead = 0
        if values.isEmpty { values = [Double](repeating: 0, count: Self.longestRun) }
    }

    /// Reads what has arrived.
    /// - Parameters:
    ///   - chunk: the next bytes of the body.
    ///   - handler: gets the events.
    /// - Returns: false when the handler stopped.
    /// - Throws: what is wrong with the body.
    public mutating func read(_ chunk: Span<UInt8>, _ handler: Handler) throws(ExpositionError) -> Bool {
        let lines = try splitter.take(chunk, afterLine: cursor.line)
        if lines.completesCarriedLine {
            let carried = splitter.carriedLine
            guard try readBlock(carried.span, handler) else { return false }
        }
        return try readBlock(chunk.extracting(lines.whole), handler)
    }

    /// Ends a body that arrived whole.
    /// - Parameter handler: gets the last events.
    /// - Returns: whether the layout changed: the caller's array then takes the samples in the order of this body's
    ///   events. Nil when the handler stopped.
    /// - Throws: what is wrong with the body's end.
    public mutating func end(_ handler: Handler) throws(ExpositionError) -> Bool? {
        if splitter.finish() {
            let carried = splitter.carriedLine
            guard try readBlock(carried.span, handler) else { return nil }
        }
        try cursor.finish()
        if position.entry < layout.entries.count { startRebuilding() }
        defer {
            rebuilt = nil
            splitter.reset()
        }
        guard var new = rebuilt else { return false }
        new.shrink()
        layout = new
        return true
    }

    /// Gives up a body; the layout stays that of the body before.
    /// - Parameter keepingMore: whether to keep instead what this body has shown, should that be more. A body that came too
    ///   slowly is then read faster the next time, as far as it is known.
    /// - Returns: whether the layout changed, as `end` does.
    @discardableResult
    public mutating func abandon(keepingMore: Bool = false) -> Bool {
        defer {
            rebuilt = nil
            splitter.reset()
            layout.dropIndex()
        }
        guard keepingMore, var new = rebuilt, new.sampleCount > layout.sampleCount else { return false }
        new.shrink()
        layout = new
        return true
    }

    // MARK: Blocks

    private mutating func readBlock(_ block: Span<UInt8>, _ handler: Handler) throws(ExpositionError) -> Bool {
        cursor.startBlock()
        while cursor.position < block.count {
            let before = position
            let first = position.sample
            readRun(block)
            let count = position.sample - first
            if position.entry != before.entry { rebuilt?.copy(from: layout, range: before.entry..<position.entry) }
            if count > 0 {
                samplesRead += count
                guard handler(.known(first..<(first + count)), block, values.span.extracting(first: count)) else {
                    return false
                }
                continue
            }
            if position.entry != before.entry { continue }
            guard try readOther(block, handler) else { return false }
        }
        return true
    }

    /// Lines that are the layout's next ones, up to `longestRun` samples.
    private mutating func readRun(_ block: Span<UInt8>) {
        guard !cursor.isAtEnd else { return }
        var place = position
        var line = cursor.line
        var offset = cursor.position
        var count = 0
        unsafe block.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            let end = unsafe base + bytes.count
            unsafe layout.bytes.withUnsafeBufferPointer { known in
                unsafe layout.entries.withUnsafeBufferPointer { entries in
                    unsafe values.withUnsafeMutableBufferPointer { values in
                        guard let knownBase = known.baseAddress else { return }
                        while place.entry < entries.count, count < values.count {
                            let entry = unsafe entries[place.entry]
                            let length = Int(entry.end) &- place.offset
                            let start = unsafe base + offset
                            guard unsafe end - start > length else { break }
                            guard unsafe memcmp(start, knownBase + place.offset, length) == 0 else { break }
                            var next = unsafe start + length
                            if entry.sample == ExpositionLayout.comment {
                                guard unsafe next.pointee == 0x0a else { break }
                            } else {
                                guard unsafe next.pointee == 0x20 else { break }
                                unsafe next += 1
                                guard let (value, stop) = unsafe NumberParsing.double(next, end) else { break }
                                guard unsafe stop < end && stop.pointee == 0x0a else { break }
                                unsafe values[count] = value.isNaN ? ExpositionCursor.normalNaN : value
                                unsafe next = stop
                                count &+= 1
                                place.sample &+= 1
                            }
                            offset = unsafe next - base &+ 1
                            line &+= 1
                            place.entry &+= 1
                            place.offset = Int(entry.end)
                        }
                    }
                }
            }
        }
        position = place
        cursor.line = line
        cursor.position = offset
    }

    /// A line that is not the layout's next one, or has a timestamp or an exemplar.
    private mutating func readOther(_ block: Span<UInt8>, _ handler: Handler) throws(ExpositionError) -> Bool {
        guard let entry = try cursor.next(in: block) else { return true }
        guard case .sample(let series, let value, let timestamp) = entry else {
            // Says nothing, and takes no room.
            if case .comment = entry { return true }
            let isInPlace = unsafe block.extracting(cursor.lineRange).withUnsafeBufferPointer { line in
                unsafe isNext(line, isComment: true)
            }
            if isInPlace {
                step(isComment: true)
                return true
            }
            startRebuilding()
            unsafe block.extracting(cursor.lineRange).withUnsafeBufferPointer { line in
                if rebuilt?.hasRoomForComments == true { unsafe rebuilt?.append(comment: line) }
            }
            return handler(.metadata(entry), block, Span())
        }
        let previous: Int? = unsafe block.extracting(series).withUnsafeBufferPointer { name in
            if unsafe isNext(name, isComment: false) {
                let sample = position.sample
                step(isComment: false)
                return sample
            }
            startRebuilding()
            if rebuilt?.isFull == false { unsafe rebuilt?.append(series: name) }
            guard let place = unsafe layout.find(name) else { return nil }
            let sample = place.sample
            position = place
            position.entry += 1
            position.offset = Int(layout.entries[place.entry].end)
            position.sample += 1
            return sample
        }
        samplesRead += 1
        return handler(
            .sample(
                previous: previous,
                series: series,
                value: value,
                timestampMilliseconds: timestamp,
                exemplar: cursor.exemplar
            ),
            block,
            Span()
        )
    }

    private func isNext(_ text: UnsafeBufferPointer<UInt8>, isComment: Bool) -> Bool {
        guard position.entry < layout.entries.count else { return false }
        let entry = layout.entries[position.entry]
        let range = position.offset..<Int(entry.end)
        guard (entry.sample == ExpositionLayout.comment) == isComment, range.count == text.count else { return false }
        return unsafe layout.bytes.withUnsafeBufferPointer { known in
            guard let knownBase = known.baseAddress, let base = text.baseAddress else { return text.isEmpty }
            return unsafe memcmp(knownBase + range.lowerBound, base, range.count) == 0
        }
    }

    private mutating func step(isComment: Bool) {
        rebuilt?.copy(from: layout, range: position.entry..<(position.entry + 1))
        position.offset = Int(layout.entries[position.entry].end)
        position.entry += 1
        if !isComment { position.sample += 1 }
    }

    /// From here on the body differs: what was equal so far is copied once.
    private mutating func startRebuilding() {
        guard rebuilt == nil else { return }
        var new = layout.emptied()
        new.copy(from: layout, range: 0..<position.entry)
        rebuilt = new
    }
}
