// SPDX-License-Identifier: Apache-2.0

/// Messages of D-Bus in little-endian order, as far as a client needs that calls methods without or with text arguments.
enum DBusMessage {
    struct Call: Hashable, Sendable {
        var serial: UInt32
        var destination: String
        var path: String
        var interface: String
        var member: String
        var arguments: [Argument] = []

        enum Argument: Hashable, Sendable {
            case string(String)
            case strings([String])

            var signature: String {
                switch self {
                case .string: "s"
                case .strings: "as"
                }
            }
        }
    }

    /// An answer: a return or an error, with its body still in bytes.
    struct Reply: Hashable, Sendable {
        var serial: UInt32
        var error: String?
        var signature: String
        var body: [UInt8]
        var isBigEndian: Bool
    }

    enum Parsed: Hashable, Sendable {
        /// More bytes are needed.
        case incomplete
        /// So many bytes were a message that answers nothing, such as a signal.
        case other(Int)
        case reply(Reply, Int)
        case invalid
    }

    /// No message of ours or of systemd's is near this.
    private static let limit = 4 << 20

    static func encode(_ call: Call) -> [UInt8] {
        var body = DBusWriter()
        for argument in call.arguments {
            switch argument {
            case .string(let text): body.string(text)
            case .strings(let texts): body.array(alignment: 4) { for text in texts { $0.string(text) } }
            }
        }
        let signature = call.arguments.map(\.signature).joined()
        var writer = DBusWriter()
        // Little-endian, a method call, no flags, version 1.
        writer.bytes = [UInt8(ascii: "l"), 1, 0, 1]
        writer.number(UInt32(clamping: body.bytes.count))
        writer.number(call.serial)
        writer.array(alignment: 8) { fields in
            fields.field(1, "o", call.path)
            fields.field(2, "s", call.interface)
            fields.field(3, "s", call.member)
            fields.field(6, "s", call.destination)
            if !signature.isEmpty { fields.field(8, "g", signature) }
        }
        writer.align(8)
        return writer.bytes + body.bytes
    }

    /// Looks at the first message of the bytes.
    static func parse(_ bytes: [UInt8]) -> Parsed {
        guard bytes.count >= 16 else { return .incomplete }
        let isBigEndian = bytes[0] == UInt8(ascii: "B")
        guard isBigEndian || bytes[0] == UInt8(ascii: "l"), bytes[3] == 1 else { return .invalid }
        var reader = DBusReader(bytes: bytes, isBigEndian: isBigEndian, position: 4)
        guard let bodyLength = reader.number(), reader.number() != nil, let fieldLength = reader.number(),
            bodyLength <= limit, fieldLength <= limit
        else { return .invalid }
        let fieldEnd = 16 + Int(fieldLength)
        let bodyStart = (fieldEnd + 7) / 8 * 8
        let end = bodyStart + Int(bodyLength)
        guard bytes.count >= end else { return .incomplete }
        guard bytes[1] == 2 || bytes[1] == 3 else { return .other(end) }
        var answered: UInt32?
        var error: String?
        var signature = ""
        while reader.position < fieldEnd {
            reader.align(8)
            guard reader.position < fieldEnd else { break }
            guard let code = reader.byte(), let type = reader.signature() else { return .invalid }
            switch type {
            case "u":
                guard let value = reader.number() else { return .invalid }
                if code == 5 { answered = value }
            case "s", "o":
                guard let value = reader.string() else { return .invalid }
                if code == 4 { error = value }
            case "g":
                guard let value = reader.signature() else { return .invalid }
                if code == 8 { signature = value }
            default: return .invalid
            }
        }
        guard let answered else { return .invalid }
        if bytes[1] == 3, error == nil { error = "unknown" }
        let body = Array(bytes[bodyStart..<end])
        return .reply(
            Reply(serial: answered, error: error, signature: signature, body: body, isBigEndian: isBigEndian),
            end
        )
    }
}

/// Writes values at their alignment.
struct DBusWriter {
    var bytes: [UInt8] = []

    mutating func align(_ size: Int) {
        while bytes.count % size != 0 { bytes.append(0) }
    }

    mutating func number(_ value: UInt32) {
        align(4)
        for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(value >> shift & 0xff)) }
    }

    mutating func string(_ text: String) {
        // A NUL would end the text for the reader.
        let plain = text.utf8.filter { $0 != 0 }
        number(UInt32(clamping: plain.count))
        bytes += plain
        bytes.append(0)
    }

    mutating func signature(_ text: String) {
        bytes.append(UInt8(clamping: text.utf8.count))
        bytes += Array(text.utf8)
        bytes.append(0)
    }

    /// A field of the header: its code, and a variant.
    mutating func field(_ code: UInt8, _ type: String, _ text: String) {
        align(8)
        bytes.append(code)
        signature(type)
        if type == "g" { signature(text) } else { string(text) }
    }

    /// The length counts from the first element, whose alignment is not part of it.
    mutating func array(alignment: Int, _ write: (inout DBusWriter) -> Void) {
        number(0)
        let place = bytes.count - 4
        align(alignment)
        let start = bytes.count
        write(&self)
        let length = UInt32(clamping: bytes.count - start)
        for index in 0..<4 { bytes[place + index] = UInt8(length >> UInt32(8 * index) & 0xff) }
    }
}

/// Reads values at their alignment, within bounds.
struct DBusReader {
    let bytes: [UInt8]
    let isBigEndian: Bool
    var position = 0

    mutating func align(_ size: Int) { position = (position + size - 1) / size * size }

    mutating func byte() -> UInt8? {
        guard position < bytes.count else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func number() -> UInt32? {
        align(4)
        guard position + 4 <= bytes.count else { return nil }
        defer { position += 4 }
        let four = bytes[position..<position + 4]
        return isBigEndian
            ? four.reduce(0) { $0 << 8 | UInt32($1) } : four.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func string() -> String? {
        guard let length = number().map(Int.init), length < bytes.count - position else { return nil }
        defer { position += length + 1 }
        return String(decoding: bytes[position..<position + length], as: UTF8.self)
    }

    mutating func signature() -> String? {
        guard let length = byte().map(Int.init), length < bytes.count - position else { return nil }
        defer { position += length + 1 }
        return String(decoding: bytes[position..<position + length], as: UTF8.self)
    }
}
