// SPDX-License-Identifier: Apache-2.0

/// The first lines of an answer.
package struct HTTPResponseHead: Sendable {
    package var status: Int
    /// As sent, with its parameters.
    package var contentType: String?
    /// In order of arrival; empty unless the request asked for them.
    package var headers: [(name: String, value: String)] = []

    package init(status: Int, contentType: String? = nil) {
        self.status = status
        self.contentType = contentType
    }

    /// The first value of a header, by name in any case.
    package func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }
}

/// How long each part of a transfer took. Zero where a part did not happen, as on a kept connection.
package struct HTTPPhases: Hashable, Sendable {
    package var resolve = Duration.zero
    package var connect = Duration.zero
    package var tls = Duration.zero
    /// From the request's last byte to the answer's first.
    package var processing = Duration.zero
    package var transfer = Duration.zero
    package var total = Duration.zero

    package init() {}
}

/// A certificate of the chain that the peer showed.
package struct HTTPCertificate: Hashable, Sendable {
    package var subject: String
    package var issuer: String
    /// As Unix seconds; nil when libcurl's text could not be read.
    package var notBefore: Int64?
    package var notAfter: Int64?
    package var serialNumber: String
    /// DNS names and addresses, as OpenSSL writes them.
    package var alternativeNames: String

    package init() {
        subject = ""
        issuer = ""
        serialNumber = ""
        alternativeNames = ""
    }
}

/// What became of a transfer.
package struct HTTPTransferReport: Sendable {
    /// nil when a complete answer came, whatever its status.
    package var failure: HTTPFailure?
    package var head: HTTPResponseHead?
    /// Header lines after the body, as gRPC sends them.
    package var trailers: [(name: String, value: String)] = []
    package var phases = HTTPPhases()
    /// After decompression.
    package var bodyBytes = 0
    /// As received, compressed and without headers.
    package var wireBytes = 0
    package var isBodyTruncated = false
    /// `Content-Length` as announced, nil when it was not.
    package var announcedLength: Int?
    package var remoteAddress: String?
    package var usedKeptConnection = false
    /// 1.0, 1.1, 2 or 3; 0 when no answer came.
    package var httpVersion = 0.0
    package var redirects = 0
    /// Seconds the peer asked to wait before trying again, from seconds or a date.
    package var retryAfter: Int?
    package var certificates: [HTTPCertificate] = []
    /// `TLS 1.3`; known where certificates are collected, and nil on a kept connection.
    package var tlsVersion: String?

    package init() {}

    package var status: Int? { head?.status }
}

/// An answer with its body in memory.
package struct HTTPResponse: Sendable {
    package var head: HTTPResponseHead
    package var body: [UInt8]
    package var report: HTTPTransferReport

    package init(head: HTTPResponseHead, body: [UInt8], report: HTTPTransferReport) {
        self.head = head
        self.body = body
        self.report = report
    }

    package var status: Int { head.status }
}

/// Receives a transfer as it happens, on the loop's thread. Calls come in the order written here and end with exactly one
/// `transferDidComplete`, also after a cancellation.
package protocol HTTPTransferDelegate: AnyObject {
    /// Once, before the first byte of the body, for the last answer of a chain of redirects.
    func transferDidReceiveHead(_ head: HTTPResponseHead)

    /// The bytes are valid during the call only, already decompressed, never beyond the limit.
    func transferDidReceiveBytes(_ bytes: UnsafeRawBufferPointer)

    func transferDidComplete(_ report: HTTPTransferReport)
}
