// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Cuts what arrives from a network into blocks of whole lines, keeping no more than the line that is not yet whole.
///
/// ```swift
/// let lines = try splitter.take(chunk, afterLine: cursor.line)
/// if lines.completesCarriedLine { /* read splitter.carriedLine.span */ }
/// /* read chunk.extracting(lines.whole) */
/// ```
public struct LineSplitter: Sendable {
    /// What a chunk holds.
    public struct Lines: Sendable, Hashable {
        /// `carriedLine` holds a whole line that began in an earlier chunk; it comes first.
        public var completesCarriedLine: Bool
        /// Whole lines in the chunk, in bytes of the chunk.
        public var whole: Range<Int>
    }

    /// The longest line that may be carried over.
    public let longestLine: Int
    /// A line that began in one chunk and ended in another. Valid until the next `take`.
    public private(set) var carriedLine: [UInt8] = []
    private var pending: [UInt8] = []

    /// Creates a splitter.
    /// - Parameter longestLine: lines that span chunks may be this long.
    public init(longestLine: Int = 1 << 20) {
        self.longestLine = longestLine
    }

    /// Forgets an unfinished line, for the next body.
    public mutating func reset() {
        pending.removeAll(keepingCapacity: pending.capacity <= 65_536)
        carriedLine.removeAll(keepingCapacity: carriedLine.capacity <= 65_536)
    }

    /// Takes the next chunk of a body.
    /// - Parameters:
    ///   - chunk: the bytes, valid while the result is used.
    ///   - line: the number of the line read last, for the error.
    /// - Returns: what can be read now.
    /// - Throws: `lineTooLong`.
    public mutating func take(_ chunk: Span<UInt8>, afterLine line: Int = 0) throws(ExpositionError) -> Lines {
        carriedLine.removeAll(keepingCapacity: true)
        return try unsafe chunk.withUnsafeBufferPointer { bytes throws(ExpositionError) in
            guard let base = bytes.baseAddress, bytes.count > 0 else {
                return .init(completesCarriedLine: false, whole: 0..<0)
            }
            var first = 0
            var completes = false
            if !pending.isEmpty {
                guard let feed = unsafe memchr(base, 0x0a, bytes.count) else {
                    try unsafe carry(bytes, line + 1)
                    return .init(completesCarriedLine: false, whole: 0..<0)
                }
                first = unsafe UnsafeRawPointer(feed) - UnsafeRawPointer(base) + 1
                try unsafe carry(UnsafeBufferPointer(rebasing: bytes[..<first]), line + 1)
                swap(&pending, &carriedLine)
                completes = true
            }
            var last = bytes.count
            while last > first, unsafe base[last - 1] != 0x0a { last -= 1 }
            let tail = unsafe UnsafeBufferPointer(rebasing: bytes[last...])
            if last < bytes.count {
                var number = line + 1
                if bytes.count - last > longestLine {
                    number += unsafe bytes[..<last].reduce(into: 0) { $0 += $1 == 0x0a ? 1 : 0 }
                }
                try unsafe carry(tail, number)
            }
            return .init(completesCarriedLine: completes, whole: first..<last)
        }
    }

    /// Says that the body is over.
    /// - Returns: whether `carriedLine` holds a last line without line feed.
    public mutating func finish() -> Bool {
        carriedLine.removeAll(keepingCapacity: true)
        swap(&pending, &carriedLine)
        return !carriedLine.isEmpty
    }

    private mutating func carry(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Int) throws(ExpositionError) {
        guard bytes.count <= longestLine - min(pending.count, longestLine) else {
            throw ExpositionError(.lineTooLong, line: line, column: longestLine + 1)
        }
        unsafe pending.append(contentsOf: bytes)
    }
}
