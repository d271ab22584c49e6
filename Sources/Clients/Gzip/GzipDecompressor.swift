// SPDX-License-Identifier: Apache-2.0

import CZlib

/// Decompresses a body piece by piece, as much at a time as the caller has room for, and never hands out more than its
/// limit.
package final class GzipDecompressor {
    /// How far a call came.
    package struct Progress: Sendable, Hashable {
        /// Input bytes that need not come again.
        package var consumed: Int
        /// Whether nothing is held back: all of the input was used, and all that it stands for came out.
        package var isDrained: Bool
        /// Whether the handler wanted no more.
        package var isStopped = false
    }

    /// The most bytes that come out.
    package let limit: Int
    /// Bytes that came out.
    package private(set) var produced = 0
    /// Bytes that went in.
    package private(set) var consumed = 0

    private let stream: ZlibStream
    private var buffer = [UInt8](repeating: 0, count: 16_384)
    private var isAtMemberEnd = false
    /// Whether zlib may have more to say without further input.
    private var holdsOutput = false

    /// Creates a decompressor.
    /// - Parameter limit: the most bytes that may come out.
    /// - Throws: `outOfMemory`.
    package init(limit: Int = .max) throws(GzipError) {
        self.limit = limit
        self.stream = try ZlibStream(isDeflate: false, level: 0)
    }

    /// Decompresses bytes until they are used up or have filled the room there is.
    /// - Parameters:
    ///   - bytes: what comes next; what an earlier call did not consume comes again.
    ///   - room: about how many bytes may come out of this call; the last piece may be 16 KiB more.
    ///   - handler: gets what comes out, piece by piece; returns false to stop.
    /// - Throws: `damaged` or `tooLarge`.
    package func append(
        _ bytes: Span<UInt8>,
        room: Int = .max,
        _ handler: (Span<UInt8>) -> Bool
    ) throws(GzipError) -> Progress {
        var used = 0
        var isStopped = false
        let before = produced
        while !isStopped, used < bytes.count || holdsOutput, produced - before < room {
            // zlib counts in 32 bits.
            let end = min(bytes.count, used + (1 << 30))
            used += try step(bytes.extracting(used..<end))
            if !pending.isEmpty { isStopped = !handler(buffer.span.extracting(pending)) }
        }
        consumed += used
        return Progress(consumed: used, isDrained: used == bytes.count && !holdsOutput, isStopped: isStopped)
    }

    /// Says that the input is over.
    /// - Throws: `truncated` when it ended within the gzip file.
    package func finish() throws(GzipError) {
        guard isAtMemberEnd else { throw .truncated }
    }

    /// What the last step left in the buffer.
    private var pending = 0..<0

    /// Fills the buffer once; returns how many input bytes that took.
    private func step(_ bytes: Span<UInt8>) throws(GzipError) -> Int {
        pending = 0..<0
        if isAtMemberEnd, bytes.count > 0 {
            // A gzip file may be several in a row.
            guard unsafe inflateReset(stream.pointer) == Z_OK else { throw .damaged }
            isAtMemberEnd = false
        }
        let (code, used, left) = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe stream.pointer.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            unsafe stream.pointer.pointee.avail_in = UInt32(truncatingIfNeeded: input.count)
            return unsafe buffer.withUnsafeMutableBufferPointer { buffer in
                unsafe stream.pointer.pointee.next_out = buffer.baseAddress
                unsafe stream.pointer.pointee.avail_out = UInt32(truncatingIfNeeded: buffer.count)
                let code = unsafe inflate(stream.pointer, Z_NO_FLUSH)
                let rest = Int(unsafe stream.pointer.pointee.avail_in)
                return (code, input.count - rest, Int(unsafe stream.pointer.pointee.avail_out))
            }
        }
        let count = buffer.count - left
        guard count <= limit - produced else { throw .tooLarge(limit: limit) }
        produced += count
        pending = 0..<count
        holdsOutput = left == 0 && code != Z_STREAM_END
        switch code {
        case Z_STREAM_END: isAtMemberEnd = true
        case Z_OK, Z_BUF_ERROR: break
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .damaged
        }
        return used
    }
}
