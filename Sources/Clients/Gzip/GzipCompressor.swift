// SPDX-License-Identifier: Apache-2.0

import CZlib

/// Compresses a response piece by piece.
package struct GzipCompressor: ~Copyable {
    private let stream: ZlibStream
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    /// Creates a compressor.
    /// - Parameter level: 1 is fast, 9 small. Expositions repeat themselves so much that 1 leaves a tenth already.
    /// - Throws: `outOfMemory`.
    package init(level: Int = 1) throws(GzipError) {
        self.stream = try ZlibStream(isDeflate: true, level: Int32(min(max(level, 1), 9)))
    }

    /// Compresses bytes.
    /// - Parameters:
    ///   - bytes: what comes next.
    ///   - output: gets what is ready.
    package mutating func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + (1 << 30))
            run(bytes.extracting(start..<end), Z_NO_FLUSH, &output)
            start = end
        }
    }

    /// Writes what is left and the trailer. Nothing may follow.
    /// - Parameter output: gets it.
    package mutating func finish(to output: inout [UInt8]) {
        run(Span(), Z_FINISH, &output)
    }

    /// Compresses a whole body.
    /// - Parameters:
    ///   - bytes: the body.
    ///   - level: 1 to 9.
    /// - Returns: the gzip file.
    /// - Throws: `outOfMemory`.
    package static func compress(_ bytes: Span<UInt8>, level: Int = 1) throws(GzipError) -> [UInt8] {
        var compressor = try GzipCompressor(level: level)
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count / 8 + 64)
        compressor.append(bytes, to: &output)
        compressor.finish(to: &output)
        return output
    }

    private mutating func run(_ bytes: Span<UInt8>, _ flush: Int32, _ output: inout [UInt8]) {
        unsafe bytes.withUnsafeBufferPointer { input in
            unsafe stream.pointer.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            unsafe stream.pointer.pointee.avail_in = UInt32(truncatingIfNeeded: input.count)
            while true {
                let (code, left) = unsafe buffer.withUnsafeMutableBufferPointer { buffer in
                    unsafe stream.pointer.pointee.next_out = buffer.baseAddress
                    unsafe stream.pointer.pointee.avail_out = UInt32(truncatingIfNeeded: buffer.count)
                    let code = unsafe deflate(stream.pointer, flush)
                    return (code, Int(unsafe stream.pointer.pointee.avail_out))
                }
                output += buffer[..<(buffer.count - left)]
                // With room left over zlib has nothing more to say; an error means it never will.
                if left > 0 || code == Z_STREAM_END || code < 0 { break }
            }
        }
    }
}
