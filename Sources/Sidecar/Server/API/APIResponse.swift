// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import JSONDocument
import NIOCore

/// Failures of Prometheus's HTTP API, with its error types and status codes.
struct APIError: Error {
    enum Kind: String {
        case badData = "bad_data"
        case execution
        case canceled
        case timeout
        case unavailable
        case notFound = "not_found"
        case notAcceptable = "not_acceptable"
        case `internal`

        var status: HTTPResponse.Status {
            switch self {
            case .badData: .badRequest
            case .execution: .unprocessableContent
            case .canceled: HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request")
            case .timeout, .unavailable: .serviceUnavailable
            case .notFound: .notFound
            case .notAcceptable: .notAcceptable
            case .internal: .internalServerError
            }
        }
    }

    let kind: Kind
    let message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    static func badData(_ message: String) -> APIError { APIError(.badData, message) }

    /// `invalid parameter "x": …`, as Prometheus says it.
    static func invalidParameter(_ name: String, _ message: String) -> APIError {
        .badData("invalid parameter \"\(name)\": \(message)")
    }

    var response: Response {
        var json = JSONWriter()
        json.object {
            $0.member("status", "error")
            $0.member("errorType", kind.rawValue)
            $0.member("error", message)
        }
        return .json(json.bytes, status: kind.status)
    }
}

extension Response {
    static func json(_ bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        bytesResponse(bytes, type: "application/json", status: status)
    }

    static func text(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        bytesResponse(Array(text.utf8), type: "text/plain; charset=utf-8", status: status)
    }

    static func bytesResponse(_ bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = type
        headers[.cacheControl] = "no-store"
        headers[.xContentTypeOptions] = "nosniff"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// `{"status":"success","data":…}` with warnings and infos when there are some.
    static func success(
        warnings: [String] = [],
        infos: [String] = [],
        _ data: (inout JSONWriter) -> Void
    ) -> Response {
        .json(successBytes(warnings: warnings, infos: infos, data))
    }

    /// The body of such an answer.
    static func successBytes(
        warnings: [String] = [],
        infos: [String] = [],
        _ data: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var json = JSONWriter(reservingCapacity: 1_024)
        json.beginObject()
        json.member("status", "success")
        json.key("data")
        data(&json)
        if !warnings.isEmpty { json.member("warnings", array: warnings) { $0.string($1) } }
        if !infos.isEmpty { json.member("infos", array: infos) { $0.string($1) } }
        json.endObject()
        return json.bytes
    }
}

extension Request {
    /// Bytes of a form body that are read at most.
    static var formLimit: Int { 4 << 20 }

    /// The parameters of the query string and, for POST, of a form body, as Prometheus merges them: body first.
    mutating func parameters() async throws -> Parameters {
        var parameters = Parameters()
        do {
            if method == .post, headers[.contentType]?.hasPrefix("application/x-www-form-urlencoded") == true {
                let body = try await collectBody(upTo: Self.formLimit)
                try parameters.append(encoded: body.readableBytesView)
            }
            if let query = uri.query { try parameters.append(encoded: query.utf8) }
        } catch let invalid as Parameters.Invalid {
            throw APIError.badData(invalid.description)
        }
        return parameters
    }
}
