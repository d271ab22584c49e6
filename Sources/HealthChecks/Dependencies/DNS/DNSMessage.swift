// SPDX-License-Identifier: Apache-2.0

/// A DNS message (RFC 1035), as far as a check looks at one.
struct DNSMessage: Hashable, Sendable {
    struct Record: Hashable, Sendable {
        var name: String
        var type: UInt16
        var timeToLive: UInt32
        /// The data as zone files write it; hexadecimal for types that are not known.
        var text: String
    }

    var identifier: UInt16 = 0
    var isAnswer = false
    var isTruncated = false
    /// 0 no error, 2 server failure, 3 no such name, 5 refused.
    var code: UInt8 = 0
    var answers: [Record] = []
    var authorities = 0
    var additionals = 0

    /// The bytes of a question with recursion desired; nil when the name is none.
    static func question(identifier: UInt16, name: String, type: DNSRecordType) -> [UInt8]? {
        var bytes = big(identifier) + [1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        let bare = name.hasSuffix(".") ? name.dropLast() : Substring(name)
        guard bare.utf8.count <= 253 else { return nil }
        if !bare.isEmpty {
            for label in bare.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
                guard (1...63).contains(label.count) else { return nil }
                bytes.append(UInt8(label.count))
                bytes += label
            }
        }
        bytes.append(0)
        return bytes + big(type.code) + [0, 1]
    }

    /// nil when the bytes are no message.
    init?(_ bytes: [UInt8]) {
        var reader = DNSReader(bytes: bytes)
        guard let identifier = reader.number(2), let flags = reader.number(2), let questions = reader.number(2),
            let answerCount = reader.number(2), let authorities = reader.number(2), let additionals = reader.number(2)
        else { return nil }
        self.identifier = UInt16(identifier)
        isAnswer = flags & 0x8000 != 0
        isTruncated = flags & 0x0200 != 0
        code = UInt8(flags & 0xf)
        self.authorities = authorities
        self.additionals = additionals
        for _ in 0..<questions { guard reader.name() != nil, reader.number(4) != nil else { return nil } }
        for _ in 0..<answerCount {
            guard let record = reader.record() else {
                // A truncated message may end anywhere.
                if isTruncated { break }
                return nil
            }
            answers.append(record)
        }
    }

    private static func big(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }
}

/// What may be asked for.
package enum DNSRecordType: String, Hashable, Sendable, CaseIterable {
    case a = "A"
    case ns = "NS"
    case cname = "CNAME"
    case soa = "SOA"
    case ptr = "PTR"
    case mx = "MX"
    case txt = "TXT"
    case aaaa = "AAAA"
    case srv = "SRV"

    var code: UInt16 {
        switch self {
        case .a: 1
        case .ns: 2
        case .cname: 5
        case .soa: 6
        case .ptr: 12
        case .mx: 15
        case .txt: 16
        case .aaaa: 28
        case .srv: 33
        }
    }
}

/// Reads within bounds; compressed names cannot loop.
private struct DNSReader {
    let bytes: [UInt8]
    var position = 0

    mutating func number(_ size: Int) -> Int? {
        guard position + size <= bytes.count else { return nil }
        defer { position += size }
        return bytes[position..<position + size].reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func name() -> String? {
        var labels: [String] = []
        var place = position
        var end: Int?
        var steps = 0
        while true {
            steps += 1
            guard place < bytes.count, steps < 130 else { return nil }
            let length = Int(bytes[place])
            if length == 0 {
                position = end ?? place + 1
                return labels.isEmpty ? "." : labels.joined(separator: ".") + "."
            }
            if length & 0xc0 == 0xc0 {
                guard place + 1 < bytes.count else { return nil }
                if end == nil { end = place + 2 }
                let target = (length & 0x3f) << 8 | Int(bytes[place + 1])
                guard target < place else { return nil }
                place = target
                continue
            }
            guard length < 64, place + 1 + length <= bytes.count else { return nil }
            labels.append(String(decoding: bytes[place + 1..<place + 1 + length], as: UTF8.self))
            place += 1 + length
        }
    }

    mutating func record() -> DNSMessage.Record? {
        guard let name = name(), let type = number(2), number(2) != nil, let time = number(4), let length = number(2),
            position + length <= bytes.count
        else { return nil }
        let end = position + length
        let text = data(type, end: end) ?? bytes[position..<end].map { String($0, radix: 16) }.joined(separator: " ")
        position = end
        return DNSMessage.Record(name: name, type: UInt16(type), timeToLive: UInt32(time), text: text)
    }

    private func data(_ type: Int, end: Int) -> String? {
        var reader = self
        switch type {
        case 1:
            guard end - position == 4 else { return nil }
            return bytes[position..<end].map { String($0) }.joined(separator: ".")
        case 28:
            guard end - position == 16 else { return nil }
            var groups: [String] = []
            while let group = reader.number(2), reader.position <= end { groups.append(String(group, radix: 16)) }
            return groups.prefix(8).joined(separator: ":")
        case 2, 5, 12: return reader.name()
        case 15:
            guard let preference = reader.number(2), let host = reader.name() else { return nil }
            return "\(preference) \(host)"
        case 33:
            guard let priority = reader.number(2), let weight = reader.number(2), let port = reader.number(2),
                let host = reader.name()
            else { return nil }
            return "\(priority) \(weight) \(port) \(host)"
        case 6:
            guard let primary = reader.name(), let mailbox = reader.name(), let serial = reader.number(4) else {
                return nil
            }
            return "\(primary) \(mailbox) \(serial)"
        case 16:
            var parts: [String] = []
            while reader.position < end, let length = reader.number(1), reader.position + length <= end {
                parts.append(String(decoding: bytes[reader.position..<reader.position + length], as: UTF8.self))
                reader.position += length
            }
            return parts.joined()
        default: return nil
        }
    }
}
