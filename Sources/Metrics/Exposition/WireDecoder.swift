// SPDX-License-Identifier: Apache-2.0

/// Reads protobuf fields out of bytes that are all there. Never reads past the end, never trusts a length.
@safe
struct WireDecoder {
    enum Field {
        case varint(UInt64), fixed64(UInt64), fixed32(UInt32), bytes(Range<Int>)
    }

    let bytes: UnsafeBufferPointer<UInt8>
    let message: Int
    /// What is added to positions for the error's column.
    let offset: Int
    var position: Int
    let end: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, range: Range<Int>, message: Int, offset: Int) {
        unsafe self.bytes = bytes
        self.position = range.lowerBound
        self.end = range.upperBound
        self.message = message
        self.offset = offset
    }

    func error(_ problem: ExpositionError.Problem) -> ExpositionError {
        ExpositionError(problem, line: message, column: offset &+ position &+ 1)
    }

    /// The fields of a message within this one.
    func nested(_ range: Range<Int>) -> WireDecoder {
        unsafe WireDecoder(bytes, range: range, message: message, offset: offset)
    }

    mutating func varint() throws(ExpositionError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = unsafe bytes[position]
            position += 1
            if shift == 63, byte > 1 { throw error(.invalidMessage) }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
            if shift > 63 { throw error(.invalidMessage) }
        }
        throw error(.truncatedMessage)
    }

    private mutating func fixed(_ size: Int) throws(ExpositionError) -> UInt64 {
        guard end - position >= size else { throw error(.truncatedMessage) }
        var value: UInt64 = 0
        for index in (0..<size).reversed() { value = value << 8 | UInt64(unsafe bytes[position + index]) }
        position += size
        return value
    }

    /// The next field, or nil at the end of the message.
    mutating func next() throws(ExpositionError) -> (number: UInt64, field: Field)? {
        guard position < end else { return nil }
        let tag = try varint()
        guard tag >> 3 != 0 else { throw error(.invalidMessage) }
        switch tag & 7 {
        case 0: return (tag >> 3, .varint(try varint()))
        case 1: return (tag >> 3, .fixed64(try fixed(8)))
        case 5: return (tag >> 3, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
        case 2:
            let length = try varint()
            guard length <= UInt64(end - position) else { throw error(.truncatedMessage) }
            let start = position
            position += Int(length)
            return (tag >> 3, .bytes(start..<position))
        default: throw error(.invalidMessage)
        }
    }

    // MARK: Typed values

    func range(_ field: Field) throws(ExpositionError) -> Range<Int> {
        guard case .bytes(let range) = field else { throw error(.invalidMessage) }
        return range
    }

    func number(_ field: Field) throws(ExpositionError) -> UInt64 {
        guard case .varint(let value) = field else { throw error(.invalidMessage) }
        return value
    }

    /// A double; every NaN becomes the ordinary one.
    func double(_ field: Field) throws(ExpositionError) -> Double {
        guard case .fixed64(let bits) = field else { throw error(.invalidMessage) }
        let value = Double(bitPattern: bits)
        return value.isNaN ? ExpositionCursor.normalNaN : value
    }

    func text(_ field: Field) throws(ExpositionError) -> String {
        let text = unsafe UnsafeBufferPointer(rebasing: bytes[try range(field)])
        guard unsafe ByteClass.isUTF8(text) else { throw error(.invalidUTF8) }
        return unsafe String(decoding: text, as: UTF8.self)
    }

    static func unzigzag(_ value: UInt64) -> Int64 {
        Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// Repeated doubles, packed or not.
    func appendDoubles(_ field: Field, to values: inout [Double]) throws(ExpositionError) {
        guard case .bytes(let range) = field else { return values.append(try double(field)) }
        guard range.count % 8 == 0 else { throw error(.invalidMessage) }
        var inner = nested(range)
        while inner.position < inner.end { values.append(try double(.fixed64(try inner.fixed(8)))) }
    }

    /// Repeated signed numbers in zigzag form, packed or not.
    func appendSigned(_ field: Field, to values: inout [Int64]) throws(ExpositionError) {
        guard case .bytes(let range) = field else { return values.append(Self.unzigzag(try number(field))) }
        var inner = nested(range)
        while inner.position < inner.end { values.append(Self.unzigzag(try inner.varint())) }
    }
}
