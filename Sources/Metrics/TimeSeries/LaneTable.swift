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

    mutating func forget(_ lane: Int) {
        guard lane < count else { return }
        self[lane].mark = []
        self[lane].slot = Self.noSlot
    }

    mutating func forEach(_ body: (_ lane: Int, _ entry: inout Entry) -> Void) {
        for lane in 0..<count { unsafe body(lane, &entries[lane]) }
    }
}
