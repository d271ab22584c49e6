// SPDX-License-Identifier: Apache-2.0

import CZstd

/// Compresses bodies for clients that offer `zstd` in `Accept-Encoding`.
package enum ZstdCompressor {
    /// Compresses a whole body. The level is zstd's for speed: a page of metrics repeats itself so much that more gains
    /// little.
    /// - Parameter bytes: the body.
    /// - Returns: one zstd frame, which says how long the body is; nil when zstd got no memory.
    package static func compress(_ bytes: Span<UInt8>) -> [UInt8]? {
        let room = ZSTD_compressBound(bytes.count)
        guard ZSTD_isError(room) == 0 else { return nil }
        var code = 0
        let output = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            code = unsafe bytes.withUnsafeBufferPointer { input in
                unsafe ZSTD_compress(buffer.baseAddress, buffer.count, input.baseAddress, input.count, 1)
            }
            count = ZSTD_isError(code) == 0 ? code : 0
        }
        return ZSTD_isError(code) == 0 ? output : nil
    }
}
