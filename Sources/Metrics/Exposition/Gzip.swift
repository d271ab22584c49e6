// SPDX-License-Identifier: Apache-2.0

internal import CZlib

/// Why bytes could not be compressed or decompressed.
public enum GzipError: Error, Sendable, Hashable {
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
private final class ZlibStream {
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

/// Compresses a response piece by piece.
public struct GzipCompressor: ~Copyable {
    private let stream: ZlibStream
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    /// Creates a compressor.
    /// - Parameter level: 1 is fast, 9 small. Expositions repeat themselves so much that 1 leaves a tenth already.
    /// - Throws: `outOfMemory`.
    public init(level: Int = 1) throws(GzipError) {
        self.stream = try ZlibStream(isDeflate: true, level: Int32(min(max(level, 1), 9)))
    }

    /// Compresses bytes.
    /// - Parameters:
    ///   - bytes: what comes next.
    ///   - output: gets what is ready.
    public mutating func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + (1 << 30))
            run(bytes.extracting(start..<end), Z_NO_FLUSH, &output)
            start = end
        }
    }

    /// Writes what is left and the trailer. Nothing may follow.
    /// - Parameter output: gets it.
    public mutating func finish(to output: inout [UInt8]) {
        run(Span(), Z_FINISH, &output)
    }

    /// Compresses a whole body.
    /// - Parameters:
    ///   - bytes: the body.
    ///   - level: 1 to 9.
    /// - Returns: the gzip file.
    /// - Throws: `outOfMemory`.
    public static func compress(_ bytes: Span<UInt8>, level: Int = 1) throws(GzipError) -> [UInt8] {
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

/// Decompresses a body piece by piece and never hands out more than its limit.
public struct GzipDecompressor: ~Copyable {
    /// The most bytes that come out.
    public let limit: Int
    /// Bytes that came out.
    public private(set) var produced = 0

    private let stream: ZlibStream
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    private var isAtMemberEnd = false

    /// Creates a decompressor.
    /// - Parameter limit: the most bytes that may come out.
    /// - Throws: `outOfMemory`.
    public init(limit: Int) throws(GzipError) {
        self.limit = limit
        self.stream = try ZlibStream(isDeflate: false, level: 0)
    }

    /// Decompresses bytes.
    /// - Parameters:
    ///   - bytes: what comes next.
    ///   - handler: gets what comes out, 64 KiB at a time; returns false to stop.
    /// - Returns: false when the handler stopped.
    /// - Throws: `damaged` or `tooLarge`.
    public mutating func append(
        _ bytes: Span<UInt8>,
        _ handler: (Span<UInt8>) -> Bool
    ) throws(GzipError) -> Bool {
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + (1 << 30))
            guard try run(bytes.extracting(start..<end), handler) else { return false }
            start = end
        }
        return true
    }

    /// Says that the input is over.
    /// - Throws: `truncated` when it ended within the gzip file.
    public func finish() throws(GzipError) {
        guard isAtMemberEnd else { throw .truncated }
    }

    private mutating func run(_ bytes: Span<UInt8>, _ handler: (Span<UInt8>) -> Bool) throws(GzipError) -> Bool {
        try unsafe bytes.withUnsafeBufferPointer { input throws(GzipError) in
            unsafe stream.pointer.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            unsafe stream.pointer.pointee.avail_in = UInt32(truncatingIfNeeded: input.count)
            while true {
                if isAtMemberEnd {
                    // A gzip file may be several in a row.
                    guard unsafe stream.pointer.pointee.avail_in > 0 else { return true }
                    guard unsafe inflateReset(stream.pointer) == Z_OK else { throw .damaged }
                    isAtMemberEnd = false
                }
                let (code, left) = unsafe buffer.withUnsafeMutableBufferPointer { buffer in
                    unsafe stream.pointer.pointee.next_out = buffer.baseAddress
                    unsafe stream.pointer.pointee.avail_out = UInt32(truncatingIfNeeded: buffer.count)
                    let code = unsafe inflate(stream.pointer, Z_NO_FLUSH)
                    return (code, Int(unsafe stream.pointer.pointee.avail_out))
                }
                let count = buffer.count - left
                guard count <= limit - produced else { throw .tooLarge(limit: limit) }
                produced += count
                if count > 0, !handler(buffer.span.extracting(first: count)) { return false }
                switch code {
                case Z_STREAM_END: isAtMemberEnd = true
                case Z_OK: if left > 0 { return true }
                case Z_BUF_ERROR: return true
                case Z_MEM_ERROR: throw .outOfMemory
                default: throw .damaged
                }
            }
        }
    }
}
