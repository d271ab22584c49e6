// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Reads requests from a connection, one after the other: enough of HTTP/1.1 for what clients send to tests.
struct RequestReader {
    let descriptor: Int32
    let number: Int
    private var buffer: [UInt8] = []

    init(descriptor: Int32, number: Int) {
        self.descriptor = descriptor
        self.number = number
    }

    /// The next request; nil when the peer has closed or sends nonsense.
    mutating func next() -> RecordedRequest? {
        while true {
            if let end = headEnd() { return finish(headEnd: end) }
            guard buffer.count < 1 << 20, fill() else { return nil }
        }
    }

    private func headEnd() -> Int? {
        guard buffer.count >= 4 else { return nil }
        return (3..<buffer.count).first { buffer[($0 - 3)...$0].elementsEqual("\r\n\r\n".utf8) }.map { $0 + 1 }
    }

    private mutating func finish(headEnd: Int) -> RecordedRequest? {
        let arrived = ContinuousClock.now
        let lines = String(decoding: buffer[..<headEnd], as: UTF8.self).components(separatedBy: "\r\n")
        buffer.removeFirst(headEnd)
        let words = lines[0].split(separator: " ")
        guard words.count == 3 else { return nil }
        let headers = lines.dropFirst().compactMap { line -> (name: String, value: String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            return (String(line[..<colon]), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
        }
        var request = RecordedRequest(
            method: String(words[0]),
            target: String(words[1]),
            headers: headers,
            body: [],
            arrived: arrived,
            connection: number
        )
        if request.header("transfer-encoding")?.lowercased() == "chunked" {
            guard let body = chunked() else { return nil }
            request.body = body
        } else {
            let length = Int(request.header("content-length") ?? "0") ?? 0
            guard let body = take(length) else { return nil }
            request.body = body
        }
        return request
    }

    private mutating func chunked() -> [UInt8]? {
        var body: [UInt8] = []
        while true {
            guard let line = line(), let size = Int(line.prefix { $0 != ";" }, radix: 16) else { return nil }
            guard let chunk = take(size), take(2) != nil else { return nil }
            if size == 0 { return body }
            body += chunk
        }
    }

    private mutating func line() -> String? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let text = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeFirst(end + 1)
                return text.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            guard fill() else { return nil }
        }
    }

    private mutating func take(_ count: Int) -> [UInt8]? {
        while buffer.count < count { guard fill() else { return nil } }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    private mutating func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = unsafe chunk.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count > 0 else { return false }
        buffer += chunk[..<count]
        return true
    }
}
