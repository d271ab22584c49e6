// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Finds series by their labels: every pair of name and value has a number and the ascending list of the series that
/// carry it.
struct SeriesIndex {
    struct Pair {
        var name: UInt32
        /// Name and value as they stand in `Labels`, and where the value's text begins.
        var encoded: [UInt8]
        var valueStart: Int
        /// Ascending; may name series that are gone until they are purged.
        var series: [UInt32] = []
        var alive = 0
        /// Where the pair stands among those of its name.
        var position: Int

        var value: ArraySlice<UInt8> { encoded[valueStart...] }

        /// Returns the bytes of memory that it took.
        mutating func add(_ slot: UInt32) -> Int {
            let before = series.capacity
            series.append(slot)
            alive += 1
            return (series.capacity - before) * MemoryLayout<UInt32>.stride
        }
    }

    struct Name {
        var text: [UInt8]
        var pairs: [UInt32] = []
    }

    /// A text under a name's number; hashed and compared as one run of bytes.
    private struct PairKey: Hashable {
        var name: UInt32
        var value: ArraySlice<UInt8>

        static func == (left: PairKey, right: PairKey) -> Bool {
            guard left.name == right.name, left.value.count == right.value.count else { return false }
            return unsafe left.value.withUnsafeBytes { ours in
                unsafe right.value.withUnsafeBytes { theirs in
                    guard let our = ours.baseAddress, let their = theirs.baseAddress else { return unsafe ours.isEmpty }
                    return unsafe memcmp(our, their, ours.count) == 0
                }
            }
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(name)
            unsafe value.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        }
    }

    private(set) var names: [Name] = []
    private var nameNumbers: [PairKey: UInt32] = [:]
    private var freeNames: [UInt32] = []
    private var pairs: [Pair?] = []
    /// The names of the pairs once more, where a search finds them quickly.
    private var pairNames: [UInt32] = []
    private var freePairs: [UInt32] = []
    private var pairNumbers: [PairKey: UInt32] = [:]
    /// Open addressing: series by the hash of their pairs' numbers.
    private var table = [UInt32](repeating: Self.empty, count: 64)
    private var tableUsed = 0
    private var deadSeries = 0
    private var pairsToPurge: Set<UInt32> = []
    /// Series that are alive, and a number that changes with the set.
    private(set) var count = 0
    private(set) var generation: UInt64 = 1
    /// An estimate of the memory behind this value.
    private(set) var bytes = 0
    let directory = SlotDirectory()

    private static let empty = UInt32.max
    private static let removed = UInt32.max - 1
    private static let unknown = UInt32.max
    /// Entries of two dictionaries, an array's head, a slot among the pairs.
    private static let pairOverhead = 192

    var nameCount: Int { names.count - freeNames.count }

    // MARK: Looking up

    /// The numbers of the pairs of `labels`, `unknown` for those that are not known.
    func lookUp(_ labels: Labels) -> (numbers: [UInt32], isComplete: Bool) {
        var numbers: [UInt32] = []
        numbers.reserveCapacity(12)
        var isComplete = true
        labels.forEachUTF8 { name, value in
            let pair = nameNumbers[Self.nameKey(name)].flatMap { pairNumbers[PairKey(name: $0, value: value)] }
            if pair == nil { isComplete = false }
            numbers.append(pair ?? Self.unknown)
        }
        return (numbers, isComplete)
    }

    func find(_ numbers: [UInt32]) -> UInt32? {
        var position = Self.hash(numbers) & (table.count - 1)
        while table[position] != Self.empty {
            let slot = table[position]
            if slot != Self.removed, holds(slot, exactly: numbers) { return slot }
            position = (position + 1) & (table.count - 1)
        }
        return nil
    }

    private func holds(_ slot: UInt32, exactly numbers: [UInt32]) -> Bool {
        guard let own = unsafe pairNumbers(of: slot), own.count == numbers.count else { return false }
        for index in 0..<numbers.count where unsafe own[index] != numbers[index] { return false }
        return true
    }

    /// The pairs of a series, in the order of their names.
    func pairNumbers(of slot: UInt32) -> UnsafeBufferPointer<UInt32>? {
        guard let column = unsafe directory[slot] else { return nil }
        return unsafe column.pairNumbers
    }

    func labels(of slot: UInt32) -> Labels? {
        guard let numbers = unsafe pairNumbers(of: slot) else { return nil }
        var size = 0
        for index in 0..<numbers.count { size += unsafe pairs[Int(numbers[index])]?.encoded.count ?? 0 }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        for index in 0..<numbers.count {
            if let encoded = unsafe pairs[Int(numbers[index])]?.encoded { bytes.append(contentsOf: encoded) }
        }
        return Labels(encoded: bytes)
    }

    func name(_ text: some Sequence<UInt8>) -> UInt32? { nameNumbers[Self.nameKey(ArraySlice(text))] }

    private static func nameKey(_ text: ArraySlice<UInt8>) -> PairKey { PairKey(name: .max, value: text) }

    func pair(_ number: UInt32) -> Pair? { pairs[Int(number)] }

    func nameOfPair(_ number: UInt32) -> UInt32 { pairNames[Int(number)] }

    func pair(name: UInt32, value: some Sequence<UInt8>) -> UInt32? {
        pairNumbers[PairKey(name: name, value: ArraySlice(value))]
    }

    // MARK: Changing

    /// The numbers of the pairs of `labels`, made where looking them up found none.
    mutating func makePairs(of labels: Labels, lookedUp numbers: [UInt32]) -> [UInt32] {
        var numbers = numbers
        var index = 0
        labels.forEachUTF8 { name, value in
            if numbers[index] == Self.unknown { numbers[index] = makePair(makeName(name), value) }
            index += 1
        }
        return numbers
    }

    private mutating func makeName(_ text: ArraySlice<UInt8>) -> UInt32 {
        if let known = nameNumbers[Self.nameKey(text)] { return known }
        let own = Array(text)
        let number: UInt32
        if let free = freeNames.popLast() {
            number = free
            names[Int(number)] = Name(text: own)
        } else {
            number = UInt32(names.count)
            names.append(Name(text: own))
        }
        nameNumbers[Self.nameKey(own[...])] = number
        bytes += own.count + Self.pairOverhead
        return number
    }

    /// - Precondition: there is no such pair yet.
    private mutating func makePair(_ name: UInt32, _ value: ArraySlice<UInt8>) -> UInt32 {
        var encoded: [UInt8] = []
        LabelsEncoding.append(names[Int(name)].text[...], to: &encoded)
        LabelsEncoding.append(value, to: &encoded)
        let valueStart = encoded.count - value.count
        let position = names[Int(name)].pairs.count
        let pair = Pair(name: name, encoded: encoded, valueStart: valueStart, position: position)
        let number: UInt32
        if let free = freePairs.popLast() {
            number = free
            pairs[Int(number)] = pair
            pairNames[Int(number)] = name
        } else {
            number = UInt32(pairs.count)
            pairs.append(pair)
            pairNames.append(name)
        }
        names[Int(name)].pairs.append(number)
        pairNumbers[PairKey(name: name, value: pair.value)] = number
        bytes += encoded.count + Self.pairOverhead
        return number
    }

    /// Adds a series whose column is in the directory already.
    mutating func insert(_ slot: UInt32, _ numbers: [UInt32]) {
        for number in numbers {
            let growth = pairs[Int(number)]?.add(slot) ?? 0
            bytes += growth
        }
        if (tableUsed + 1) * 3 > table.count * 2 { rebuildTable() }
        place(slot, numbers)
        count += 1
        generation &+= 1
    }

    private mutating func place(_ slot: UInt32, _ numbers: some Sequence<UInt32>) {
        var position = Self.hash(numbers) & (table.count - 1)
        while table[position] < Self.removed { position = (position + 1) & (table.count - 1) }
        if table[position] == Self.empty { tableUsed += 1 }
        table[position] = slot
    }

    private mutating func rebuildTable() {
        let old = table
        var size = 64
        while size * 2 < (count + 1) * 5 { size *= 2 }
        table = [UInt32](repeating: Self.empty, count: size)
        tableUsed = 0
        bytes += (size - old.count) * 4
        for slot in old where slot < Self.removed {
            if let numbers = unsafe pairNumbers(of: slot) { unsafe place(slot, numbers) }
        }
    }

    /// Takes a series out, before it leaves the directory.
    mutating func remove(_ slot: UInt32) {
        guard let own = unsafe pairNumbers(of: slot) else { return }
        let numbers = unsafe Array(own)
        var position = Self.hash(numbers) & (table.count - 1)
        while table[position] != Self.empty {
            if table[position] == slot {
                table[position] = Self.removed
                break
            }
            position = (position + 1) & (table.count - 1)
        }
        for number in numbers {
            pairs[Int(number)]?.alive -= 1
            if pairs[Int(number)]?.alive == 0 { removePair(number) } else { pairsToPurge.insert(number) }
        }
        count -= 1
        deadSeries += 1
        generation &+= 1
    }

    private mutating func removePair(_ number: UInt32) {
        guard let pair = pairs[Int(number)] else { return }
        pairs[Int(number)] = nil
        freePairs.append(number)
        pairsToPurge.remove(number)
        pairNumbers[PairKey(name: pair.name, value: pair.value)] = nil
        bytes -= pair.encoded.count + Self.pairOverhead + pair.series.capacity * 4
        // The last pair of the name takes the place that became free.
        if let last = names[Int(pair.name)].pairs.popLast(), last != number {
            names[Int(pair.name)].pairs[pair.position] = last
            pairs[Int(last)]?.position = pair.position
        }
        if names[Int(pair.name)].pairs.isEmpty {
            let text = names[Int(pair.name)].text
            nameNumbers[Self.nameKey(text[...])] = nil
            names[Int(pair.name)] = Name(text: [])
            freeNames.append(pair.name)
            bytes -= text.count + Self.pairOverhead
        }
    }

    /// Cleans the lists once enough series are gone from them that it pays; after the series left the directory.
    mutating func purgeIfDue() {
        guard deadSeries > max(1024, count / 8) else { return }
        for number in pairsToPurge {
            guard var series = pairs[Int(number)]?.series else { continue }
            pairs[Int(number)]?.series = []
            let before = series.capacity
            series = series.filter { unsafe directory[$0] != nil }
            bytes += (series.capacity - before) * 4
            pairs[Int(number)]?.series = series
        }
        pairsToPurge.removeAll()
        deadSeries = 0
        if tableUsed > count * 2 + 64 { rebuildTable() }
    }

    private static func hash(_ numbers: some Sequence<UInt32>) -> Int {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
        for number in numbers {
            hash = (hash ^ UInt64(number)) &* 0xFF51_AFD7_ED55_8CCD
            hash ^= hash >> 32
        }
        return Int(truncatingIfNeeded: hash & 0x7FFF_FFFF_FFFF_FFFF)
    }
}

extension UnsafeMutablePointer<Column> {
    /// The numbers of the label pairs, which stand behind the column in the same allocation.
    var pairNumbers: UnsafeBufferPointer<UInt32> {
        let start = unsafe UnsafeRawPointer(self) + MemoryLayout<Column>.stride
        return unsafe UnsafeBufferPointer(
            start: start.assumingMemoryBound(to: UInt32.self),
            count: Int(pointee.labelCount)
        )
    }

    static func make(_ column: Column, pairs: [UInt32], account: inout Int) -> UnsafeMutablePointer<Column> {
        let stride = MemoryLayout<Column>.stride
        let memory = unsafe Memory.allocate(stride + pairs.count * 4, account: &account)
        let pointer = unsafe memory.bindMemory(to: Column.self, capacity: 1)
        unsafe pointer.initialize(to: column)
        let numbers = unsafe (memory + stride).bindMemory(to: UInt32.self, capacity: max(1, pairs.count))
        for (index, pair) in pairs.enumerated() { unsafe numbers[index] = pair }
        return unsafe pointer
    }
}
