// SPDX-License-Identifier: Apache-2.0

/// A time zone read from a TZif file (RFC 8536): the offsets it changes to, and the rule for the time after the last.
package struct TimeZoneRules: Hashable, Sendable {
    package let name: String
    private var transitions: [Int64] = []
    private var offsets: [Int] = []
    private var firstOffset = 0
    private var rule: PosixZone?

    package static let utc = TimeZoneRules(name: "UTC")

    private init(name: String) { self.name = name }

    /// nil when `bytes` are no such file.
    package init?(name: String, bytes: [UInt8]) {
        self.init(name: name)
        var reader = BigEndianReader(bytes: bytes)
        guard let first = Self.header(&reader) else { return nil }
        var counts = first
        if first.version >= 2 {
            // The first block is for 32-bit readers.
            guard reader.skip(first.length(timeSize: 4)), let second = Self.header(&reader) else { return nil }
            counts = second
        }
        guard read(counts, &reader, timeSize: first.version >= 2 ? 8 : 4) else { return nil }
        if first.version >= 2, let footer = reader.line() { rule = PosixZone(footer) }
    }

    /// Seconds east of Greenwich at a moment.
    package func offset(at unixSeconds: Int64) -> Int {
        guard let last = transitions.last else { return rule?.offset(at: unixSeconds) ?? firstOffset }
        if unixSeconds >= last, let rule { return rule.offset(at: unixSeconds) }
        var low = 0, high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= unixSeconds { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? firstOffset : offsets[low - 1]
    }

    private struct Counts {
        var version: UInt8
        var utcIndicators, standardIndicators, leapSeconds, times, types, characters: Int

        func length(timeSize: Int) -> Int {
            times * (timeSize + 1) + types * 6 + characters + leapSeconds * (timeSize + 4) + standardIndicators
                + utcIndicators
        }
    }

    private static func header(_ reader: inout BigEndianReader) -> Counts? {
        guard reader.take(Array("TZif".utf8)), let version = reader.byte(), reader.skip(15) else { return nil }
        var counts: [Int] = []
        for _ in 0..<6 {
            // Real files hold some hundred of each.
            guard let count = reader.integer(4), (0...100_000).contains(count) else { return nil }
            counts.append(Int(count))
        }
        return Counts(
            version: version == 0 ? 1 : version &- 48,
            utcIndicators: counts[0],
            standardIndicators: counts[1],
            leapSeconds: counts[2],
            times: counts[3],
            types: counts[4],
            characters: counts[5]
        )
    }

    private mutating func read(_ counts: Counts, _ reader: inout BigEndianReader, timeSize: Int) -> Bool {
        for _ in 0..<counts.times {
            guard let time = reader.integer(timeSize) else { return false }
            transitions.append(time)
        }
        var indices: [Int] = []
        for _ in 0..<counts.times {
            guard let index = reader.byte() else { return false }
            indices.append(Int(index))
        }
        var types: [Int] = []
        var standard: Int?
        for _ in 0..<counts.types {
            guard let offset = reader.integer(4), let isDaylight = reader.byte(), reader.skip(1),
                (-90_000...94_000).contains(offset)
            else { return false }
            if isDaylight == 0, standard == nil { standard = Int(offset) }
            types.append(Int(offset))
        }
        guard reader.skip(counts.length(timeSize: timeSize) - counts.times * (timeSize + 1) - counts.types * 6) else {
            return false
        }
        for index in indices {
            guard index < types.count else { return false }
            offsets.append(types[index])
        }
        firstOffset = standard ?? types.first ?? 0
        return true
    }
}

private struct BigEndianReader {
    let bytes: [UInt8]
    var position = 0

    mutating func byte() -> UInt8? {
        guard position < bytes.count else { return nil }
        position += 1
        return bytes[position - 1]
    }

    mutating func integer(_ size: Int) -> Int64? {
        guard bytes.count - position >= size else { return nil }
        var value: UInt64 = 0
        for _ in 0..<size {
            value = value << 8 | UInt64(bytes[position])
            position += 1
        }
        return size == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
    }

    mutating func skip(_ count: Int) -> Bool {
        guard count >= 0, bytes.count - position >= count else { return false }
        position += count
        return true
    }

    mutating func take(_ expected: [UInt8]) -> Bool {
        guard bytes[position...].starts(with: expected) else { return false }
        position += expected.count
        return true
    }

    /// The text between two line ends.
    mutating func line() -> String? {
        guard byte() == 10, let end = bytes[position...].firstIndex(of: 10) else { return nil }
        return String(decoding: bytes[position..<end], as: UTF8.self)
    }
}
