// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A growing run of bytes with one owner: the writers' output.
///
/// Growth doubles; everything between two growths is plain stores. Not `Sendable` by intent: one writer, one thread.
@safe
struct ByteBuilder: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>
    private(set) var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 4096) {
        let capacity = max(capacity, 64)
        unsafe self.base = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        self.capacity = capacity
    }

    deinit {
        unsafe base.deallocate()
    }

    var bytes: UnsafeBufferPointer<UInt8> { unsafe UnsafeBufferPointer(start: base, count: count) }

    mutating func removeAll() {
        count = 0
    }

    mutating func truncate(to length: Int) {
        count = min(count, max(0, length))
    }

    /// Makes room and returns where the next byte goes; `advance(to:)` says where writing stopped.
    @inline(__always)
    mutating func reserve(_ length: Int) -> UnsafeMutablePointer<UInt8> {
        if _slowPath(capacity &- count < length) { grow(by: length) }
        return unsafe base + count
    }

    /// - Parameter end: one past the last byte written into what `reserve` handed out.
    @inline(__always)
    mutating func advance(to end: UnsafeMutablePointer<UInt8>) {
        count = unsafe end - base
    }

    @inline(never)
    private mutating func grow(by length: Int) {
        let (needed, overflow) = count.addingReportingOverflow(length)
        precondition(!overflow, "the output cannot exceed the address space")
        let larger = max(needed, capacity &* 2)
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        unsafe moved.update(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = moved
        capacity = larger
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        let end = unsafe reserve(1)
        unsafe end.pointee = byte
        count &+= 1
    }

    @inline(__always)
    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress else { return }
        let end = unsafe reserve(bytes.count)
        unsafe end.update(from: start, count: bytes.count)
        count &+= bytes.count
    }

    @inline(__always)
    mutating func append(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append($0) }
    }

    @inline(__always)
    mutating func append(_ text: StaticString) {
        unsafe append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { bytes in unsafe append(bytes) }
    }

    /// Opens a gap of `length` bytes at `offset` by moving what follows.
    mutating func insertGap(at offset: Int, length: Int) {
        _ = unsafe reserve(length)
        unsafe memmove(base + offset + length, base + offset, count - offset)
        count &+= length
    }

    /// Overwrites one byte already written.
    mutating func set(_ byte: UInt8, at offset: Int) {
        precondition(offset >= 0 && offset < count, "only written bytes can be overwritten")
        unsafe base[offset] = byte
    }
}
