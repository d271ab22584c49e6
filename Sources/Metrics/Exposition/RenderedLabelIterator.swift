// SPDX-License-Identifier: Apache-2.0

/// Walks over labels this module has rendered itself (`SeriesLabels.text`), handing out byte ranges.
@safe
struct RenderedLabelIterator {
    let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        unsafe self.bytes = bytes
    }

    /// The escaped contents of the next name and value, without quotes.
    mutating func next() -> (name: Range<Int>, value: Range<Int>)? {
        if unsafe position < bytes.count && bytes[position] == UInt8(ascii: ",") { position += 1 }
        guard unsafe position < bytes.count else { return nil }
        let name: Range<Int>
        if unsafe bytes[position] == UInt8(ascii: "\"") {
            name = quoted()
        } else {
            let start = position
            while unsafe position < bytes.count && bytes[position] != UInt8(ascii: "=") { position += 1 }
            name = start..<position
        }
        position += 1
        guard unsafe position < bytes.count else { return nil }
        return (name, quoted())
    }

    private mutating func quoted() -> Range<Int> {
        position += 1
        let start = position
        while unsafe position < bytes.count && bytes[position] != UInt8(ascii: "\"") {
            position += unsafe bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        let end = unsafe min(position, bytes.count)
        position = end + 1
        return min(start, end)..<end
    }

    func string(_ range: Range<Int>) -> String {
        var plain: [UInt8] = []
        plain.reserveCapacity(range.count)
        unescape(range) { plain.append($0) }
        return String(decoding: plain, as: UTF8.self)
    }

    /// Calls `body` with each byte of the unescaped text.
    func unescape(_ range: Range<Int>, _ body: (UInt8) -> Void) {
        var index = range.lowerBound
        while index < range.upperBound {
            var byte = unsafe bytes[index]
            if byte == UInt8(ascii: "\\"), index + 1 < range.upperBound {
                index += 1
                byte = unsafe bytes[index]
                if byte == UInt8(ascii: "n") { byte = UInt8(ascii: "\n") }
            }
            body(byte)
            index += 1
        }
    }
}
