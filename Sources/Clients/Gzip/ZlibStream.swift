// SPDX-License-Identifier: Apache-2.0

import CZlib

/// Why bytes could not be compressed or decompressed.
package enum GzipError: Error, Sendable, Hashable {
    /// zlib got no memory.
    case outOfMemory
    /// The bytes are no gzip.
    case damaged
    /// The bytes end early.
    case truncated
    /// The contents are larger than allowed, in bytes.
    case tooLarge(limit: Int)
}

/// A `z_stream` in a place of its own, as zlib keeps pointers to it.
@safe
final class ZlibStream {
    let pointer: UnsafeMutablePointer<z_stream>
    let isDeflate: Bool

    init(isDeflate: Bool, level: Int32) throws(GzipError) {
        let pointer = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe pointer.initialize(to: unsafe z_stream())
        let size = Int32(truncatingIfNeeded: unsafe MemoryLayout<z_stream>.size)
        // 16 more than the window bits: a gzip header instead of zlib's.
        let code: Int32
        if isDeflate {
            code = unsafe deflateInit2_(pointer, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, zlibVersion(), size)
        } else {
            code = unsafe inflateInit2_(pointer, 31, zlibVersion(), size)
        }
        guard code == Z_OK else {
            unsafe pointer.deallocate()
            throw GzipError.outOfMemory
        }
        unsafe self.pointer = pointer
        self.isDeflate = isDeflate
    }

    deinit {
        if isDeflate {
            unsafe _ = deflateEnd(pointer)
        } else {
            unsafe _ = inflateEnd(pointer)
        }
        unsafe pointer.deallocate()
    }
}
