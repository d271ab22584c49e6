// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What a target's body looked like: the bytes of its series and comments, in order.
///
/// While the next body looks the same, reading it is one comparison and one number a line. The layout is all that is
/// kept of a body: the bytes of each series once, and eight bytes more. Metadata lines are kept only to pass over them
/// quickly, and so no more of them than a page needs.
public struct ExpositionLayout: Sendable {
    struct Entry: Sendable {
        /// One past the entry's last byte.
        var end: UInt32
        /// Which sample it is, or `comment`.
        var sample: UInt32
    }

    static let comment = UInt32.max

    /// A place in the layout.
    public struct Position: Sendable, Hashable {
        /// The entry.
        public internal(set) var entry = 0
        /// Where its bytes begin.
        var offset = 0
        /// How many samples come before.
        public internal(set) var sample = 0

        /// The beginning.
        public init() {}
    }

    var bytes: [UInt8] = []
    var entries: [Entry] = []
    private var table: [UInt32] = []
    private let seed: UInt64

    /// Samples in the layout.
    public private(set) var sampleCount = 0
    private var commentBytes = 0

    /// Creates an empty layout.
    /// - Parameter seed: a random number, so that no target can choose series that collide.
    public init(seed: UInt64 = 0) {
        self.seed = seed
    }

    /// An empty layout with the same seed.
    public func emptied() -> ExpositionLayout { ExpositionLayout(seed: seed) }

    /// Memory held, in bytes.
    public var memoryBytes: Int {
        bytes.capacity + entries.capacity * MemoryLayout<Entry>.stride + table.capacity * MemoryLayout<UInt32>.stride
    }

    /// Gives back what growing has reserved.
    public mutating func shrink() {
        if bytes.capacity > bytes.count + bytes.count / 8 { bytes = Self.copied(bytes) }
        if entries.capacity > entries.count + entries.count / 8 { entries = Self.copied(entries) }
    }

    private static func copied<Element>(_ array: [Element]) -> [Element] {
        unsafe [Element](unsafeUninitializedCapacity: array.count) { target, count in
            unsafe _ = target.initialize(fromContentsOf: array)
            count = array.count
        }
    }

    /// Adds a sample's series.
    /// - Parameter series: the bytes of name and labels.
    mutating func append(series: UnsafeBufferPointer<UInt8>) {
        unsafe append(series, sample: UInt32(truncatingIfNeeded: sampleCount))
        sampleCount += 1
    }

    /// Adds a comment line.
    /// - Parameter line: the whole line without line feed.
    mutating func append(comment line: UnsafeBufferPointer<UInt8>) {
        commentBytes += line.count
        unsafe append(line, sample: Self.comment)
    }

    /// Copies what the other layout has before a place.
    mutating func copy(from other: borrowing ExpositionLayout, range: Range<Int>) {
        let start = range.lowerBound == 0 ? 0 : Int(other.entries[range.lowerBound - 1].end)
        let shift = bytes.count - start
        bytes.append(
            contentsOf: other.bytes[start..<(range.isEmpty ? start : Int(other.entries[range.upperBound - 1].end))]
        )
        var previous = start
        for entry in other.entries[range] {
            let isComment = entry.sample == Self.comment
            if isComment { commentBytes += Int(entry.end) - previous }
            previous = Int(entry.end)
            entries.append(
                Entry(
                    end: UInt32(truncatingIfNeeded: Int(entry.end) + shift),
                    sample: isComment ? Self.comment : UInt32(truncatingIfNeeded: sampleCount)
                )
            )
            if !isComment { sampleCount += 1 }
        }
    }

    /// Whether another metadata line is worth its room.
    var hasRoomForComments: Bool { !isFull && commentBytes <= bytes.count / 2 + Self.freeCommentBytes }

    /// Metadata lines come before their samples.
    private static let freeCommentBytes = 64 << 10

    /// Whether there is no room for more: offsets are 32 bits wide.
    var isFull: Bool { bytes.count > Int(UInt32.max) - (1 << 24) || sampleCount >= Int(UInt32.max) - 1 }

    private mutating func append(_ text: UnsafeBufferPointer<UInt8>, sample: UInt32) {
        unsafe bytes.append(contentsOf: text)
        entries.append(Entry(end: UInt32(truncatingIfNeeded: bytes.count), sample: sample))
    }

    func range(of entry: Int) -> Range<Int> {
        (entry == 0 ? 0 : Int(entries[entry - 1].end))..<Int(entries[entry].end)
    }

    // MARK: Finding series that moved

    /// Where a series stands, if the layout has it. The first call builds an index of four to eight bytes a series.
    mutating func find(_ series: UnsafeBufferPointer<UInt8>) -> Position? {
        guard sampleCount > 0 else { return nil }
        if table.isEmpty { buildTable() }
        let mask = table.count - 1
        var slot = unsafe Int(truncatingIfNeeded: hash(series)) & mask
        while table[slot] != 0 {
            let entry = Int(table[slot]) - 1
            let range = range(of: entry)
            if unsafe range.count == series.count && equals(range, series) {
                var position = Position()
                position.entry = entry
                position.offset = range.lowerBound
                position.sample = Int(entries[entry].sample)
                return position
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Drops the index; it is only of use while a body differs.
    mutating func dropIndex() {
        table = []
    }

    private func equals(_ range: Range<Int>, _ series: UnsafeBufferPointer<UInt8>) -> Bool {
        unsafe bytes.withUnsafeBufferPointer { own in
            guard let base = own.baseAddress, let other = series.baseAddress else { return series.isEmpty }
            return unsafe memcmp(base + range.lowerBound, other, range.count) == 0
        }
    }

    private mutating func buildTable() {
        var size = 16
        while size < sampleCount * 2 { size *= 2 }
        table = [UInt32](repeating: 0, count: size)
        for (index, entry) in entries.enumerated() where entry.sample != Self.comment {
            let range = range(of: index)
            unsafe bytes.withUnsafeBufferPointer { own in
                let series = unsafe UnsafeBufferPointer(rebasing: own[range])
                var slot = unsafe Int(truncatingIfNeeded: hash(series)) & (size - 1)
                while table[slot] != 0 { slot = (slot + 1) & (size - 1) }
                table[slot] = UInt32(truncatingIfNeeded: index + 1)
            }
        }
    }

    /// Eight bytes a step through a full 64-bit product; keyed, so that collisions cannot be prepared.
    private func hash(_ series: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var state = seed ^ 0x9e37_79b9_7f4a_7c15
        guard let base = series.baseAddress else { return state }
        let raw = unsafe UnsafeRawPointer(base)
        var index = 0
        func mix(_ word: UInt64) {
            let product = (state ^ word).multipliedFullWidth(by: 0xa076_1d64_78bd_642f ^ seed | 1)
            state = product.high ^ product.low
        }
        while index + 8 <= series.count {
            mix(unsafe raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index += 8
        }
        var rest: UInt64 = UInt64(truncatingIfNeeded: series.count) << 56
        while index < series.count {
            rest = rest << 8 ^ UInt64(unsafe series[index])
            index += 1
        }
        mix(rest)
        return state
    }
}
