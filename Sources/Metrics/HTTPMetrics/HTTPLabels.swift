// SPDX-License-Identifier: Apache-2.0

import SidecarMetrics

/// Request methods that may become a label value; all others share one, because a client can invent any.
enum KnownMethod: UInt8, CaseIterable {
    case get, head, post, put, patch, delete, options, connect, trace, query, other

    init(_ method: String) {
        switch method {
        case "GET": self = .get
        case "POST": self = .post
        case "PUT": self = .put
        case "DELETE": self = .delete
        case "PATCH": self = .patch
        case "HEAD": self = .head
        case "OPTIONS": self = .options
        case "CONNECT": self = .connect
        case "TRACE": self = .trace
        case "QUERY": self = .query
        default: self = .other
        }
    }

    var labelValue: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .connect: "CONNECT"
        case .trace: "TRACE"
        case .query: "QUERY"
        case .other: "_OTHER"
        }
    }
}

/// The labels of a finished request, in OpenTelemetry's names.
struct RequestLabels: LabelSet {
    static let labelNames = [
        "http_request_method", "http_route", "http_response_status_code", "url_scheme", "error_type",
    ]
    var method: String
    var route: String
    var status: Int
    var scheme: String
    /// Empty when the request succeeded.
    var errorType: String

    func encode(to values: inout some LabelEncoder) {
        values.append(method)
        values.append(route)
        values.append(String(status))
        values.append(scheme)
        values.append(errorType)
    }
}

/// The labels of requests that are being served.
struct ActiveLabels: LabelSet {
    static let labelNames = ["http_request_method", "url_scheme"]
    var method: String
    var scheme: String

    func encode(to values: inout some LabelEncoder) {
        values.append(method)
        values.append(scheme)
    }
}

/// The labels of a finished request, in the names of the time before OpenTelemetry.
struct ClassicLabels: LabelSet {
    static let labelNames = ["method", "route", "code"]
    var method: String
    var route: String
    var code: Int

    func encode(to values: inout some LabelEncoder) {
        values.append(method)
        values.append(route)
        values.append(String(code))
    }
}
