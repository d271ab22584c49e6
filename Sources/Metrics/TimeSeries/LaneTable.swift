// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What an appender has staged, one entry for each of its series.
///
/// Lives behind a pointer that never changes, so that appending a sample is a comparison and two stores.
@safe
struct LaneTable {
    struct Mark: OptionSet {
        let rawValue: UInt8

        static let staged = Mark(rawValue: 1)
        /// In the commit before.
        static let active = Mark(rawValue: 2)
        /// The log's segment knows the lane, and a first value of it.
        static let logged = Mark(rawValue: 4)
        static let loggedValue = Mark(rawValue: 8)
        /// Another source owns the series.
        static let foreign = Mark(rawValue: 16)
        /// Last written on the side road: a native histogram.
        static let aside = Mark(rawValue: 32)
        /// A histogram without a timestamp of its own is staged.
        static let stagedAside = Mark(rawValue: 64)
        /// The observer of commits knows its labels.
        static let observed = Mark(rawValue: 128)
        static let anyStaged: Mark = [.staged, .stagedAside]
    }

    struct Entry {
        var value: Double
        var slot: UInt32
        var mark: Mark
        /// Of the numbers in the log.
        var scale: UInt8
    }

    struct SideSample {
        var lane: UInt32
        var timestamp: Timestamp?
        var value: SampleValue
    }

    static let noSlot = UInt32.max

    private(set) var entries: UnsafeMutablePointer<Entry>
    private(set) var count = 0
    private var capacity = 8
    var side: [SideSample] = []
    var unknown = 0
    var duplicates = 0

    static func make() -> UnsafeMutablePointer<LaneTable> {
        let table = UnsafeMutablePointer<LaneTable>.allocate(capacity: 1)
        unsafe table.initialize(to: LaneTable(entries: .allocate(capacity: 8)))
        return unsafe table
    }

    private init(entries: UnsafeMutablePointer<Entry>) { unsafe self.entries = unsafe entries }

    static func free(_ table: UnsafeMutablePointer<LaneTable>) {
        unsafe table.pointee.entries.deallocate()
        unsafe table.deinitialize(count: 1)
        unsafe table.deallocate()
    }

    /// Makes room up to `lane`; entries that come into being belong to no series.
    mutating func include(_ lane: Int) {
        if lane >= capacity {
            let larger = max(lane + 1, capacity + capacity / 2)
            let fresh = UnsafeMutablePointer<Entry>.allocate(capacity: larger)
            unsafe fresh.moveInitialize(from: entries, count: count)
            unsafe entries.deallocate()
            unsafe entries = unsafe fresh
            capacity = larger
        }
        while count <= lane {
            unsafe (entries + count).initialize(to: Entry(value: 0, slot: Self.noSlot, mark: [], scale: 0))
            count += 1
        }
    }

    mutating func keepFirst(_ number: Int) { count = min(count, number) }

    /// One entry; the lane is one that `include` has made.
    subscript(lane: Int) -> Entry {
        get {
            precondition(lane >= 0 && lane < count, "lane \(lane) of \(count)")
            return unsafe entries[lane]
        }
        set {
            precondition(lane >= 0 && lane < count, "lane \(lane) of \(count)")
            unsafe entries[lane] = newValue
        }
    }

    func holds(_ reference: SeriesReference) -> Bool {
        let lane = Int(reference.lane)
        return unsafe lane < count && entries[lane].slot == reference.slot
    }

    /// Stages a sample that takes the timestamp of the commit, the first one of its series. False when the reference names no
    /// entry.
    @inline(__always)
    mutating func stage(_ value: Double, _ reference: SeriesReference) -> Bool {
        let entry = unsafe entries + Int(reference.lane)
        guard Int(reference.lane) < count, unsafe entry.pointee.slot == reference.slot else { return false }
        let mark = unsafe entry.pointee.mark
        if !mark.isDisjoint(with: Mark.anyStaged) {
            duplicates += 1
        } else if !StaleMarker.isStale(value) {
            // A stale marker from outside says what absence says.
            unsafe entry.pointee.mark = mark.union(.staged)
            unsafe entry.pointee.value = value
        }
        return true
    }

    /// The same for many at once, those without a reference left out. Returns how many have one.
    mutating func stage(
        _ values: UnsafeBufferPointer<Double>,
        _ references: UnsafeBufferPointer<SeriesReference?>
    ) -> Int {
        // A copy, as what it points to could otherwise be the table itself, for all that the compiler knows.
        var table = self
        defer { self = table }
        var kept = 0
        for index in 0..<min(references.count, values.count) {
            guard let reference = unsafe references[index] else { continue }
            kept &+= 1
            if unsafe !table.stage(values[index], reference) { table.unknown &+= 1 }
        }
        return kept
    }

    mutating func forget(_ lane: Int) {
        guard lane < count else { return }
        self[lane].mark = []
        self[lane].slot = Self.noSlot
    }

    mutating func forEach(_ body: (_ lane: Int, _ entry: inout Entry) -> Void) {
        for lane in 0..<count { unsafe body(lane, &entries[lane]) }
    }
}
