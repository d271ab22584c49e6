// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A request without a body in its plainest form, recognised in the bytes of a connection.
///
/// Everything unusual — a body, odd white space, an upgrade, half a request — is not recognised and left to the full
/// parser, so being strict here costs speed, never correctness.
package struct PlainRequest {
    package enum Method: Int, Sendable, CaseIterable {
        case get, head, options

        var text: String {
            switch self {
            case .get: "GET"
            case .head: "HEAD"
            case .options: "OPTIONS"
            }
        }

        fileprivate var start: StaticString {
            switch self {
            case .get: "GET "
            case .head: "HEAD "
            case .options: "OPTIONS "
            }
        }
    }

    package let method: Method
    /// Whether the connection ends after the response.
    package let closes: Bool
    /// Bytes of the request.
    package let length: Int

    private static let longest = 4_096

    /// The request at the start of `bytes`; nil when the full parser has to look.
    ///
    /// - Parameter accepts: whether a target is of interest; asked first, so that others pay for little.
    package init?(
        _ bytes: UnsafeRawBufferPointer,
        accepts: (_ method: Method, _ target: UnsafeRawBufferPointer) -> Bool
    ) {
        guard bytes.count >= 18, let end = unsafe Self.endOfHead(bytes) else { return nil }
        var cursor = 0
        guard let method = unsafe Self.method(bytes, &cursor), let target = unsafe Self.target(bytes, &cursor, end),
            unsafe accepts(method, UnsafeRawBufferPointer(rebasing: bytes[target])),
            let version = unsafe Self.version(bytes, &cursor)
        else { return nil }
        var closes = version == 0
        var hasHost = false
        while cursor < end - 2 {
            guard let line = unsafe Self.lineEnd(bytes, from: cursor, to: end) else { return nil }
            guard unsafe Self.header(bytes, cursor..<line, closes: &closes, hasHost: &hasHost) else { return nil }
            cursor = line + 2
        }
        guard hasHost || version == 0 else { return nil }
        self.method = method
        self.closes = closes
        length = end
    }

    private static func endOfHead(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let limit = min(bytes.count, longest)
        var index = 3
        while index < limit {
            if unsafe bytes[index] == 10, unsafe bytes[index - 1] == 13, unsafe bytes[index - 2] == 10,
                unsafe bytes[index - 3] == 13
            {
                return index + 1
            }
            index += 1
        }
        return nil
    }

    private static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int? {
        var index = start
        while index + 1 < end {
            if unsafe bytes[index] == 13 { return unsafe bytes[index + 1] == 10 ? index : nil }
            if unsafe bytes[index] == 10 { return nil }
            index += 1
        }
        return nil
    }

    private static func method(_ bytes: UnsafeRawBufferPointer, _ cursor: inout Int) -> Method? {
        for method in Method.allCases where unsafe take(method.start, bytes, &cursor) { return method }
        return nil
    }

    /// What is asked for, up to the space behind it.
    private static func target(_ bytes: UnsafeRawBufferPointer, _ cursor: inout Int, _ end: Int) -> Range<Int>? {
        let start = cursor
        while cursor < end, unsafe bytes[cursor] != 32 {
            if unsafe bytes[cursor] < 32 || bytes[cursor] == 127 { return nil }
            cursor += 1
        }
        guard cursor > start, cursor < end else { return nil }
        cursor += 1
        return start..<(cursor - 1)
    }

    private static func version(_ bytes: UnsafeRawBufferPointer, _ cursor: inout Int) -> Int? {
        if unsafe take("HTTP/1.1\r\n", bytes, &cursor) { return 1 }
        if unsafe take("HTTP/1.0\r\n", bytes, &cursor) { return 0 }
        return nil
    }

    /// Returns false for a header that the full parser has to see.
    private static func header(
        _ bytes: UnsafeRawBufferPointer,
        _ range: Range<Int>,
        closes: inout Bool,
        hasHost: inout Bool
    ) -> Bool {
        guard let first = range.first, unsafe bytes[first] > 32 else { return false }
        switch unsafe bytes[first] | 0x20 {
        case UInt8(ascii: "h"):
            if unsafe hasName("host", bytes, range) {
                if hasHost { return false }
                hasHost = true
            }
        case UInt8(ascii: "a"):
            if unsafe hasName("accept", bytes, range) { return unsafe value(bytes, range, is: "*/*") }
        case UInt8(ascii: "c"):
            if unsafe hasName("content-length", bytes, range) { return unsafe value(bytes, range, is: "0") }
            if unsafe hasName("connection", bytes, range) {
                if unsafe value(bytes, range, is: "close") {
                    closes = true
                } else if unsafe value(bytes, range, is: "keep-alive") {
                    closes = false
                } else {
                    return false
                }
            }
        case UInt8(ascii: "t"):
            if unsafe hasName("transfer-encoding", bytes, range) || hasName("te", bytes, range) { return false }
        case UInt8(ascii: "e"):
            if unsafe hasName("expect", bytes, range) { return false }
        case UInt8(ascii: "u"):
            if unsafe hasName("upgrade", bytes, range) { return false }
        default:
            break
        }
        return unsafe isWellFormed(bytes, range)
    }

    /// A token, a colon and bytes without control characters.
    private static func isWellFormed(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        var sawColon = false
        for index in range {
            let byte = unsafe bytes[index]
            if byte < 32 && byte != 9 || byte == 127 { return false }
            if byte == UInt8(ascii: ":") {
                sawColon = true
            } else if !sawColon, byte <= 32 {
                return false
            }
        }
        return sawColon
    }

    /// Whether the line starts with the name and a colon; `name` is in lower case.
    private static func hasName(_ name: StaticString, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        let count = name.utf8CodeUnitCount
        guard range.count > count, unsafe bytes[range.lowerBound + count] == UInt8(ascii: ":") else { return false }
        for offset in 0..<count
        where unsafe bytes[range.lowerBound + offset] | 0x20 != name.utf8Start[offset] { return false }
        return true
    }

    private static func value(
        _ bytes: UnsafeRawBufferPointer,
        _ range: Range<Int>,
        is expected: StaticString
    ) -> Bool {
        guard var start = range.first(where: { unsafe bytes[$0] == UInt8(ascii: ":") }) else { return false }
        start += 1
        while start < range.upperBound, unsafe bytes[start] == 32 { start += 1 }
        let count = expected.utf8CodeUnitCount
        guard range.upperBound - start == count else { return false }
        for offset in 0..<count {
            let byte = unsafe bytes[start + offset]
            let folded = byte >= 65 && byte <= 90 ? byte | 0x20 : byte
            guard unsafe folded == expected.utf8Start[offset] else { return false }
        }
        return true
    }

    private static func take(_ text: StaticString, _ bytes: UnsafeRawBufferPointer, _ cursor: inout Int) -> Bool {
        let count = text.utf8CodeUnitCount
        guard cursor + count <= bytes.count else { return false }
        for offset in 0..<count
        where unsafe bytes[cursor + offset] != text.utf8Start[offset] { return false }
        cursor += count
        return true
    }
}
