// SPDX-License-Identifier: Apache-2.0

/// When a time zone has which distance from UTC, read from the bytes of a TZif file (RFC 8536).
///
/// The bytes come from whoever may touch the disk, such as `/usr/share/zoneinfo/Europe/Berlin`.
public struct TimeZoneRules: Sendable, Hashable {
    /// The bytes are no TZif file that we can use.
    public struct Unreadable: Error, Sendable, Hashable {}

    /// What the zone is called; empty where nobody said.
    public let name: String
    private var times: [Int64] = []
    private var offsets: [Int64] = []
    private var first: Int64 = 0
    private var rule: PosixZone?

    /// Coordinated universal time.
    public static let utc = TimeZoneRules(name: "UTC")

    private init(name: String) { self.name = name }

    /// Reads a file's bytes; at most 1 MiB is looked at.
    public init(tzif bytes: [UInt8], name: String = "") throws(Unreadable) {
        self.name = name
        guard bytes.count <= 1 << 20 else { throw Unreadable() }
        var reader = Reader(bytes: bytes)
        let header = try reader.header()
        if header.version == 0 {
            try read(header, wide: false, &reader)
        } else {
            try reader.skip(header.size(wide: false))
            let second = try reader.header()
            try read(second, wide: true, &reader)
            rule = reader.footer().flatMap(PosixZone.init)
        }
    }

    /// Seconds to add to UTC at a time.
    public func offset(at unixSeconds: Int64) -> Int64 {
        if let last = times.last, unixSeconds >= last, let rule { return rule.offset(at: unixSeconds) }
        if times.isEmpty, let rule { return rule.offset(at: unixSeconds) }
        var low = 0
        var high = times.count
        while low < high {
            let middle = (low + high) / 2
            if times[middle] <= unixSeconds { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? first : offsets[low - 1]
    }

    private mutating func read(_ header: Reader.Header, wide: Bool, _ reader: inout Reader) throws(Unreadable) {
        for _ in 0..<header.times { times.append(try reader.integer(wide ? 8 : 4)) }
        var indices: [Int] = []
        for _ in 0..<header.times { indices.append(Int(try reader.byte())) }
        var types: [Int64] = []
        for _ in 0..<header.types {
            let offset = try reader.integer(4)
            guard abs(offset) <= 26 * 3_600 else { throw Unreadable() }
            types.append(offset)
            try reader.skip(2)
        }
        guard let first = types.first, indices.allSatisfy({ $0 < types.count }),
            zip(times, times.dropFirst()).allSatisfy(<)
        else { throw Unreadable() }
        self.first = first
        offsets = indices.map { types[$0] }
        try reader.skip(header.characters + header.leaps * (wide ? 12 : 8) + header.standards + header.universals)
    }
}

/// Reads big-endian numbers within bounds.
private struct Reader {
    struct Header {
        var version: UInt8
        var universals, standards, leaps, times, types, characters: Int

        func size(wide: Bool) -> Int {
            let time = wide ? 8 : 4
            return times * (time + 1) + types * 6 + characters + leaps * (time + 4) + standards + universals
        }
    }

    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func byte() throws(TimeZoneRules.Unreadable) -> UInt8 {
        guard position < bytes.count else { throw TimeZoneRules.Unreadable() }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func skip(_ count: Int) throws(TimeZoneRules.Unreadable) {
        guard count >= 0, count <= bytes.count - position else { throw TimeZoneRules.Unreadable() }
        position += count
    }

    mutating func integer(_ size: Int) throws(TimeZoneRules.Unreadable) -> Int64 {
        var value: UInt64 = 0
        for _ in 0..<size { value = value << 8 | UInt64(try byte()) }
        return size == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
    }

    mutating func header() throws(TimeZoneRules.Unreadable) -> Header {
        for expected in "TZif".utf8 {
            let found = try byte()
            guard found == expected else { throw TimeZoneRules.Unreadable() }
        }
        let version = try byte()
        try skip(15)
        var counts: [Int] = []
        for _ in 0..<6 {
            let count = try integer(4)
            guard (0...100_000).contains(count) else { throw TimeZoneRules.Unreadable() }
            counts.append(Int(count))
        }
        return Header(
            version: version,
            universals: counts[0],
            standards: counts[1],
            leaps: counts[2],
            times: counts[3],
            types: counts[4],
            characters: counts[5]
        )
    }

    /// The text between the two line feeds at the end.
    func footer() -> String? {
        guard position < bytes.count, bytes[position] == 10 else { return nil }
        return String(decoding: bytes[(position + 1)...].prefix { $0 != 10 }, as: UTF8.self)
    }
}
