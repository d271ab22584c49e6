// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import TimeSeries

/// How values look in the store: labels and matchers as JSON, sets of fingerprints as 8 bytes each.
enum StorageText {
    static func encode(_ labels: Labels) -> String {
        var writer = JSONWriter()
        writer.labels(labels)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    static func decodeLabels(_ text: String) -> Labels? {
        guard let members = (try? JSONValue(parsing: Array(text.utf8)))?.members else { return nil }
        var pairs: [(String, String)] = []
        for member in members {
            guard let value = member.value.string else { return nil }
            pairs.append((member.name, value))
        }
        return Labels(pairs)
    }

    static func encode(_ matchers: [AlertMatcher]) -> String {
        var writer = JSONWriter()
        writer.array(matchers) { json, matcher in
            json.array([matcher.name, matcher.operation.rawValue, matcher.value]) { $0.string($1) }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    static func decodeMatchers(_ text: String) -> [AlertMatcher]? {
        guard let elements = (try? JSONValue(parsing: Array(text.utf8)))?.array else { return nil }
        var matchers: [AlertMatcher] = []
        for element in elements {
            guard let parts = element.array?.compactMap(\.string), parts.count == 3,
                let operation = AlertMatcher.Operation(rawValue: parts[1]),
                let matcher = try? AlertMatcher(parts[0], operation, parts[2])
            else { return nil }
            matchers.append(matcher)
        }
        return matchers
    }

    static func encode(_ set: Set<UInt64>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(set.count * 8)
        for number in set.sorted() {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
            }
        }
        return bytes
    }

    static func decodeSet(_ bytes: [UInt8]) -> Set<UInt64> {
        var set: Set<UInt64> = []
        for start in stride(from: 0, to: bytes.count - bytes.count % 8, by: 8) {
            set.insert(bytes[start..<(start + 8)].reduce(0) { $0 << 8 | UInt64($1) })
        }
        return set
    }
}

extension JSONWriter {
    /// An object of labels.
    mutating func labels(_ labels: Labels) {
        beginObject()
        labels.forEachUTF8 { name, value in member(utf8: name, value) }
        endObject()
    }

    mutating func member(_ name: String, _ labels: Labels) {
        key(name)
        self.labels(labels)
    }
}
