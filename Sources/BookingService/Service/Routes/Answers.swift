// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import Hummingbird

/// How values become bodies, and queries become values.
enum Answers {
    /// Dates as RFC 3339 in whole seconds, keys sorted: the same value always has the same bytes.
    static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try Array(encoder.encode(value))
    }

    static func json(_ body: [UInt8], status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.contentLength] = String(body.count)
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}

extension Request {
    /// `?cursor=`; the start when absent.
    func cursor() throws(BookingError) -> Cursor {
        guard let text = uri.queryParameters["cursor"] else { return .start }
        guard let cursor = Cursor(String(text)) else { throw .invalid("cursor is not one of ours") }
        return cursor
    }

    /// `?limit=`, 1 to 100; 20 when absent.
    func limit() throws(BookingError) -> Int {
        guard let text = uri.queryParameters["limit"] else { return 20 }
        guard let limit = Int(text), (1...100).contains(limit) else { throw .invalid("limit has to be 1 to 100") }
        return limit
    }

    /// A time in a query, RFC 3339, as unix milliseconds.
    func time(_ name: Substring) throws(BookingError) -> Int64? {
        guard let text = uri.queryParameters[name] else { return nil }
        do {
            return try Date(String(text), strategy: .iso8601).milliseconds
        } catch {
            throw .invalid("\(name) has to be a time like 2026-05-01T18:00:00Z")
        }
    }

    func text(_ name: Substring) -> String? { uri.queryParameters[name].map(String.init) }
}
