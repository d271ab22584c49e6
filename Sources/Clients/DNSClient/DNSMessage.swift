// SPDX-License-Identifier: Apache-2.0

/// Writes queries and reads answers (RFC 1035 §4). Lengths and pointers of an answer are never trusted.
package enum DNSMessage {
    /// What an answer said.
    package struct Answer: Hashable, Sendable {
        /// 0 no error, 2 server failure, 3 no such name, 5 refused.
        package var code: UInt8
        /// Of the type that was asked for.
        package var records: [DNSRecord]
        /// The answer did not fit: ask again over TCP.
        package var isTruncated: Bool
        /// Records of each section, of any type, as the server counts them.
        package var answerCount: Int
        package var authorityCount: Int
        package var additionalCount: Int

        /// What the code means for whoever only wants the records.
        package var failure: DNSFailure? {
            switch code {
            case 0: nil
            case 3: .notFound
            case 5: .refused
            default: .serverFailure
            }
        }
    }

    /// Records beyond this are left out.
    package static let maximumRecords = 1_000

    /// A query with recursion desired.
    package static func query(_ name: String, _ type: DNSRecordType, id: UInt16) throws(DNSFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        for word in [id, 0x0100, 1, 0, 0, 0] as [UInt16] { append(word, to: &bytes) }
        try append(name: name, to: &bytes)
        append(type.number, to: &bytes)
        append(1, to: &bytes)
        return bytes
    }

    /// The answer to a query; nil when the message is not an answer to it, as a late or forged one.
    package static func answer(
        _ bytes: [UInt8],
        to name: String,
        _ type: DNSRecordType,
        id: UInt16
    ) throws(DNSFailure) -> Answer? {
        var reader = Reader(bytes)
        guard let answerID = reader.word(), answerID == id, let flags = reader.word(), flags & 0x8000 != 0 else {
            return nil
        }
        guard let questions = reader.word(), let answers = reader.word(), let authorities = reader.word(),
            let additionals = reader.word()
        else { throw .malformed }
        guard questions == 1, let asked = reader.name(), asked.lowercased() == absolute(name).lowercased(),
            reader.word() == type.number, reader.skip(2)
        else { return nil }
        let isTruncated = flags & 0x0200 != 0
        var records: [DNSRecord] = []
        for _ in 0..<answers where records.count < maximumRecords {
            guard reader.name() != nil, let kind = reader.word(), reader.skip(6), let length = reader.word() else {
                if isTruncated { break }
                throw .malformed
            }
            let end = reader.position + Int(length)
            guard end <= bytes.count else {
                if isTruncated { break }
                throw .malformed
            }
            // Names that lead to the wanted one (CNAME) stand among the answers, too.
            if kind == type.number {
                guard let record = record(type, &reader, length: Int(length)) else { throw .malformed }
                records.append(record)
            }
            reader.position = end
        }
        return Answer(
            code: UInt8(flags & 0xf),
            records: records,
            isTruncated: isTruncated,
            answerCount: Int(answers),
            authorityCount: Int(authorities),
            additionalCount: Int(additionals)
        )
    }

    private static func record(_ type: DNSRecordType, _ reader: inout Reader, length: Int) -> DNSRecord? {
        switch type {
        case .a: length == 4 ? reader.bytes(4).map { .address($0.map { "\($0)" }.joined(separator: ".")) } : nil
        case .ns, .cname, .ptr: reader.name().map { .name($0) }
        case .txt: text(&reader, length: length).map { .text($0) }
        case .soa:
            if let primary = reader.name(), let mailbox = reader.name(), let high = reader.word(),
                let low = reader.word()
            {
                .authority(primary: primary, mailbox: mailbox, serial: UInt32(high) << 16 | UInt32(low))
            } else {
                nil
            }
        case .aaaa: length == 16 ? reader.bytes(16).map { .address(IPv6Text.text($0)) } : nil
        case .mx:
            if let preference = reader.word(), let host = reader.name() {
                .mailExchange(preference: preference, host: host)
            } else {
                nil
            }
        case .srv:
            if let priority = reader.word(), let weight = reader.word(), let port = reader.word(),
                let host = reader.name()
            {
                .service(priority: priority, weight: weight, port: port, host: host)
            } else {
                nil
            }
        }
    }

    /// Strings of up to 255 bytes, one after the other.
    private static func text(_ reader: inout Reader, length: Int) -> String? {
        let end = reader.position + length
        var bytes: [UInt8] = []
        while reader.position < end {
            guard let count = reader.bytes(1), reader.position + Int(count[0]) <= end,
                let part = reader.bytes(Int(count[0]))
            else { return nil }
            bytes += part
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Parts

    private static func append(_ word: UInt16, to bytes: inout [UInt8]) {
        bytes += [UInt8(word >> 8), UInt8(word & 0xff)]
    }

    static func absolute(_ name: String) -> String { name.hasSuffix(".") ? name : name + "." }

    private static func append(name: String, to bytes: inout [UInt8]) throws(DNSFailure) {
        var total = 1
        for label in name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: true) {
            guard label.count <= 63, label.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw .invalidName }
            total += label.count + 1
            bytes.append(UInt8(label.count))
            bytes += label
        }
        guard total > 1 || name == ".", total <= 255, !name.contains("..") else { throw .invalidName }
        bytes.append(0)
    }

    private struct Reader {
        let all: [UInt8]
        var position = 0

        init(_ bytes: [UInt8]) { all = bytes }

        mutating func word() -> UInt16? {
            guard all.count - position >= 2 else { return nil }
            defer { position += 2 }
            return UInt16(all[position]) << 8 | UInt16(all[position + 1])
        }

        mutating func skip(_ count: Int) -> Bool {
            guard all.count - position >= count else { return false }
            position += count
            return true
        }

        mutating func bytes(_ count: Int) -> [UInt8]? {
            guard all.count - position >= count else { return nil }
            defer { position += count }
            return Array(all[position..<(position + count)])
        }

        /// A name with its final dot. A pointer must point backwards, so that there is an end.
        mutating func name() -> String? {
            var text: [UInt8] = []
            var place = position
            var after: Int?
            while true {
                guard place < all.count else { return nil }
                let length = Int(all[place])
                if length == 0 {
                    position = after ?? place + 1
                    return text.isEmpty ? "." : String(validating: text, as: UTF8.self)
                }
                if length & 0xc0 == 0xc0 {
                    guard place + 1 < all.count else { return nil }
                    let target = (length & 0x3f) << 8 | Int(all[place + 1])
                    guard target < place else { return nil }
                    after = after ?? place + 2
                    place = target
                    continue
                }
                guard length < 64, place + length < all.count, text.count + length < 255 else { return nil }
                text += all[(place + 1)...(place + length)]
                text.append(UInt8(ascii: "."))
                place += length + 1
            }
        }
    }
}

/// IPv6 addresses as RFC 5952 writes them.
enum IPv6Text {
    static func text(_ bytes: [UInt8]) -> String {
        let words = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        var longest = 0..<0
        var start: Int?
        for index in 0...8 {
            if index < 8, words[index] == 0 {
                start = start ?? index
            } else if let begin = start {
                if index - begin > longest.count { longest = begin..<index }
                start = nil
            }
        }
        func join(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        guard longest.count > 1 else { return join(words[...]) }
        return join(words[..<longest.lowerBound]) + "::" + join(words[longest.upperBound...])
    }
}
