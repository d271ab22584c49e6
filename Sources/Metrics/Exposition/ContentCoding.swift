// SPDX-License-Identifier: Apache-2.0

/// How a response's body is compressed, in the words of `Content-Encoding`.
public enum ContentCoding: String, Sendable, Hashable, CaseIterable {
    /// As it is; the header is left out.
    case identity
    /// RFC 1952.
    case gzip
    /// RFC 8878.
    case zstd

    /// Chooses the coding that the client likes most (RFC 9110, 12.5.3); of equals zstd, then gzip.
    ///
    /// `*` stands for gzip, which every client that says so can read; zstd has to be named. Elements that cannot be read
    /// are no offer, and a client that takes nothing of all this gets the body as it is.
    /// - Parameter acceptEncoding: the request's `Accept-Encoding` header.
    /// - Returns: what to use.
    public static func negotiate(acceptEncoding: String?) -> ContentCoding {
        let ranges = MediaRange.list(acceptEncoding ?? "")
        func quality(_ names: String...) -> Double? { ranges.first { names.contains($0.name) }?.quality }
        var best = (coding: ContentCoding.identity, quality: quality("identity") ?? 0)
        let offers = [(ContentCoding.gzip, quality("gzip", "x-gzip") ?? quality("*")), (.zstd, quality("zstd"))]
        for (coding, quality) in offers {
            guard let quality, quality > 0, quality >= best.quality else { continue }
            best = (coding, quality)
        }
        return best.coding
    }
}
