// SPDX-License-Identifier: Apache-2.0

/// Reads header lines as libcurl hands them over: one block for each interim answer, redirect and final answer, and
/// trailers after the body.
struct HTTPAnswerReader {
    var byteLimit = 64 << 10
    var lineLimit = 256
    var collectsHeaders = false
    var isBodyStarted = false
    private(set) var head: HTTPResponseHead?
    private(set) var contentLength: Int?
    /// What was done to the body, in the order in which it was done; in lower case.
    private(set) var contentCodings: [String] = []
    private(set) var trailers: [(name: String, value: String)] = []
    private var bytes = 0
    private var lines = 0

    /// False when the answer has more header than allowed.
    mutating func receive(_ line: [UInt8]) -> Bool {
        bytes += line.count
        lines += 1
        guard bytes <= byteLimit, lines <= lineLimit else { return false }
        if line.starts(with: "HTTP/".utf8) {
            guard !isBodyStarted else { return true }
            // Limits are for one answer of a chain.
            bytes = line.count
            lines = 1
            head = HTTPResponseHead(status: status(line))
            contentLength = nil
            contentCodings = []
            return true
        }
        guard head != nil, let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return true }
        let name = String(decoding: line[..<colon], as: UTF8.self)
        let value = value(line, after: colon)
        if isBodyStarted {
            trailers.append((name, value))
            return true
        }
        switch name.lowercased() {
        case "content-type": head?.contentType = value
        case "content-length": contentLength = Int(value)
        case "content-encoding": contentCodings += Self.codings(value)
        default: break
        }
        if collectsHeaders { head?.headers.append((name, value)) }
        return true
    }

    /// RFC 9110, 8.4; "identity" says nothing.
    private static func codings(_ value: String) -> [String] {
        value.split(separator: ",").map { part in
            var name = part[...]
            while name.first?.isWhitespace == true { name.removeFirst() }
            while name.last?.isWhitespace == true { name.removeLast() }
            return name.lowercased()
        }.filter { $0 != "identity" && !$0.isEmpty }
    }

    /// The number after the first space; 0 when there is none.
    private func status(_ line: [UInt8]) -> Int {
        guard let space = line.firstIndex(of: UInt8(ascii: " ")) else { return 0 }
        var status = 0
        for byte in line[(space + 1)...].prefix(3) {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { break }
            status = status * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return status
    }

    private func value(_ line: [UInt8], after colon: Int) -> String {
        var slice = line[(colon + 1)...]
        while let first = slice.first, first <= UInt8(ascii: " ") { slice.removeFirst() }
        while let last = slice.last, last <= UInt8(ascii: " ") { slice.removeLast() }
        return String(decoding: slice, as: UTF8.self)
    }
}
