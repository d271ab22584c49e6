// SPDX-License-Identifier: Apache-2.0

/// How `Labels` stand in memory.
enum LabelsEncoding {
    /// Where a pair stands among bytes in which the pairs are not in order yet.
    private struct Place {
        let start: Int
        let name: Range<Int>
        let end: Int
        let isEmpty: Bool
    }

    /// The length in seven bits a byte, the lowest first, then the text.
    static func append(_ text: some Collection<UInt8>, to bytes: inout [UInt8]) {
        var length = UInt64(text.count)
        while length >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: length))
        bytes.append(contentsOf: text)
    }

    /// The pairs by the order of their names, those with empty values dropped; of pairs with one name the last one stays.
    static func encode<Text: Collection<UInt8>>(_ pairs: some Collection<(Text, Text)>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pairs.reduce(0) { $0 + $1.0.count + $1.1.count + 4 })
        var places: [Place] = []
        places.reserveCapacity(pairs.count)
        var isOrdered = true
        for (name, value) in pairs {
            let start = bytes.count
            append(name, to: &bytes)
            let names = (bytes.count - name.count)..<bytes.count
            append(value, to: &bytes)
            let place = Place(start: start, name: names, end: bytes.count, isEmpty: value.isEmpty)
            if isOrdered {
                isOrdered = !value.isEmpty && places.last.map { compare(bytes, $0.name, place.name) < 0 } ?? true
            }
            places.append(place)
        }
        if isOrdered { return bytes }
        places.sort { left, right in
            let order = compare(bytes, left.name, right.name)
            return order != 0 ? order < 0 : left.start < right.start
        }
        var ordered: [UInt8] = []
        ordered.reserveCapacity(bytes.count)
        for (index, place) in places.enumerated() where !place.isEmpty {
            let isReplaced = index + 1 < places.count && compare(bytes, place.name, places[index + 1].name) == 0
            if !isReplaced { ordered.append(contentsOf: bytes[place.start..<place.end]) }
        }
        return ordered
    }

    private static func compare(_ bytes: [UInt8], _ left: Range<Int>, _ right: Range<Int>) -> Int {
        Labels.compare(bytes[left], bytes[right])
    }
}
