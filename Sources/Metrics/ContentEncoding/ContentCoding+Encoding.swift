// SPDX-License-Identifier: Apache-2.0

package import Exposition
import Gzip

extension ContentCoding {
    /// Compresses a body for a client that asked for it.
    /// - Parameters:
    ///   - acceptEncoding: the request's `Accept-Encoding` header.
    ///   - body: the body; what is sent afterwards.
    /// - Returns: the value of `Content-Encoding`; nil when the body is as it was, because the client wants it so or
    ///   because there was no memory, which is no reason to fail a scrape.
    package static func encode(_ body: inout [UInt8], for acceptEncoding: String?) -> String? {
        let coding = negotiate(acceptEncoding: acceptEncoding)
        let encoded: [UInt8]? =
            switch coding {
            case .identity: nil
            case .gzip: try? GzipCompressor.compress(body.span)
            case .zstd: ZstdCompressor.compress(body.span)
            }
        guard let encoded else { return nil }
        body = encoded
        return coding.rawValue
    }
}
