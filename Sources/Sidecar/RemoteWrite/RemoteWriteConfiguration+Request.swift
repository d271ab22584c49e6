// SPDX-License-Identifier: Apache-2.0

package import HTTPClient

extension RemoteWriteConfiguration {
    private static let ownHeaders = [
        (name: "Content-Encoding", value: "snappy"), (name: "Content-Type", value: "application/x-protobuf"),
        (name: "X-Prometheus-Remote-Write-Version", value: "0.1.0"),
    ]

    /// A write without a series, an empty message in snappy's format: shows whether the receiver takes writes, and stores
    /// nothing there.
    package var emptyWrite: HTTPRequest { request([0]) }

    /// `body` is compressed already.
    func request(_ body: [UInt8]) -> HTTPRequest {
        var request = HTTPRequest(url: url, method: "POST")
        request.headers = headers.filter { header in
            !Self.ownHeaders.contains { $0.name.lowercased() == header.name.lowercased() }
        }
        request.headers += Self.ownHeaders
        request.body = body
        request.authorization = authorization
        request.tls = tls
        request.proxy = proxy
        request.deadline = timeout
        request.connectTimeout = min(timeout, .seconds(5))
        request.bodyLimit = 4 << 10
        request.bodyOverflow = .truncate
        return request
    }
}
