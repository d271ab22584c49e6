// SPDX-License-Identifier: Apache-2.0

import HTTPClient

/// Keeps the body of an answer, as far as somebody wants to see it.
final class HTTPProbeCollector: HTTPTransferDelegate {
    private let limit: Int
    private let keepsBody: Bool
    private(set) var body: [UInt8] = []
    var completion: ((HTTPTransferReport) -> Void)?

    init(limit: Int, keepsBody: Bool) {
        self.limit = limit
        self.keepsBody = keepsBody
    }

    func transferDidReceiveHead(_ head: HTTPResponseHead) {}

    func transferDidReceiveBytes(_ bytes: UnsafeRawBufferPointer) {
        if keepsBody, body.count < limit { unsafe body.append(contentsOf: bytes) }
    }

    func transferDidComplete(_ report: HTTPTransferReport) {
        let completion = self.completion
        self.completion = nil
        completion?(report)
    }
}
