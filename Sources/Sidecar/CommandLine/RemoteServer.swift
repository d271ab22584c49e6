// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import JSONDocument

/// Talks to a sidecar, or to any server of Prometheus's or Alertmanager's API, for the commands that read or change it.
struct RemoteServer {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Where a sidecar listens when nothing else was said.
    static let defaultURL = "http://127.0.0.1:9464"

    private let base: String
    private let client: HTTPClient

    init(_ url: String) throws {
        var base = url.contains("://") ? url : "http://\(url)"
        while base.hasSuffix("/") { base.removeLast() }
        self.base = base
        client = try HTTPClient(loop: EventLoop(name: "command"))
    }

    /// Sends a request and returns the answer, whatever its status.
    func send(
        _ method: String,
        _ path: String,
        query: [(String, String)] = [],
        body: (type: String, bytes: [UInt8])? = nil,
        deadline: Duration = .seconds(30)
    ) async throws(Failure) -> HTTPResponse {
        var url = base + path
        if !query.isEmpty { url += "?" + Self.encode(query) }
        var request = HTTPRequest(url: url, method: method)
        request.deadline = deadline
        if let body {
            request.headers.append(("Content-Type", body.type))
            request.body = body.bytes
        }
        do {
            return try await client.perform(request)
        } catch {
            throw Failure(description: "\(base): \(error)")
        }
    }

    /// The parsed JSON of an answer with a success status; the server's own words otherwise.
    func json(
        _ method: String,
        _ path: String,
        query: [(String, String)] = [],
        body: (type: String, bytes: [UInt8])? = nil
    ) async throws(Failure) -> JSONValue {
        let response = try await send(method, path, query: query, body: body)
        let parsed = try? JSONValue(parsing: response.body)
        guard (200..<300).contains(response.status) else {
            let words =
                parsed?["error"]?.string ?? parsed?.string ?? String(decoding: response.body.prefix(500), as: UTF8.self)
            throw Failure(description: "\(base)\(path): status \(response.status): \(words)")
        }
        guard let parsed else { throw Failure(description: "\(base)\(path): the answer is not JSON") }
        return parsed
    }

    static func encode(_ pairs: [(String, String)]) -> String {
        pairs.map { "\(percentEncode($0.0))=\(percentEncode($0.1))" }.joined(separator: "&")
    }

    static func percentEncode(_ text: String) -> String {
        var encoded: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                encoded.append(byte)
            default:
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
