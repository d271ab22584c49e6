// SPDX-License-Identifier: Apache-2.0

import CSnappy

/// The block format of snappy.
enum Snappy {
    static func compress(_ bytes: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: snappy_max_compressed_length(bytes.count)) { room, count in
            var size = room.count
            let status = unsafe bytes.withUnsafeBytes { input in
                unsafe snappy_compress(
                    input.assumingMemoryBound(to: CChar.self).baseAddress,
                    input.count,
                    UnsafeMutableRawPointer(room.baseAddress)?.assumingMemoryBound(to: CChar.self),
                    &size
                )
            }
            count = status == SNAPPY_OK ? size : 0
        }
    }

    /// Nil when the bytes are not what snappy writes, or announce more than `limit`.
    static func decompress(_ bytes: ArraySlice<UInt8>, limit: Int) -> [UInt8]? {
        unsafe bytes.withUnsafeBytes { input -> [UInt8]? in
            let start = unsafe input.assumingMemoryBound(to: CChar.self).baseAddress
            var length = 0
            guard unsafe snappy_uncompressed_length(start, input.count, &length) == SNAPPY_OK, length <= limit else {
                return nil
            }
            var isWhole = false
            let result = unsafe [UInt8](unsafeUninitializedCapacity: length) { room, count in
                var size = room.count
                let output = unsafe UnsafeMutableRawPointer(room.baseAddress)?.assumingMemoryBound(to: CChar.self)
                isWhole = unsafe snappy_uncompress(start, input.count, output, &size) == SNAPPY_OK
                count = isWhole ? size : 0
            }
            return isWhole ? result : nil
        }
    }
}
