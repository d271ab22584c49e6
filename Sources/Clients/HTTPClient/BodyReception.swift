// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Gzip

/// Takes the body of one answer as libcurl hands it over: decompresses it, holds it to its limits, and takes no more
/// than a slice of it in one turn of the event loop, by its bytes and by the time that whoever reads it takes. A megabyte
/// of metrics may come from a kilobyte on the wire, and whoever sends it must not hold up the others.
struct BodyReception {
    /// What libcurl is to hear of a piece.
    enum Answer: Sendable, Hashable {
        case taken
        /// Keep the piece and bring it again in another turn.
        case later
        /// The transfer is to end.
        case enough
    }

    /// Bytes of body in one turn of the loop. libcurl's pieces are 16 KiB.
    static let slice = 1 << 20
    /// After this much time in one turn the rest waits for another one.
    static let patience = Duration.milliseconds(1)
    /// Bytes that come out of the decompressor before the clock is looked at.
    private static let portion = 64 << 10
    /// Metrics pages compress 10 to 40 times.
    static let greatestExpansion = 100
    /// Less is read to its end whatever it grew from.
    private static let harmlessBytes = 8 << 20

    private let limit: Int
    private let failsWhenTooLarge: Bool
    /// Bytes handed on.
    private(set) var delivered = 0
    /// Whether there was more than the limit.
    private(set) var isTruncated = false

    private var decompressor: GzipDecompressor?
    /// Bytes of the piece kept by libcurl that need not be read again.
    private var taken = 0
    private var turn: UInt64 = 0
    private var room = 0
    private var turnBegan = MonotonicTime.now()

    /// - Parameters:
    ///   - limit: bytes that may be handed on.
    ///   - failsWhenTooLarge: whether a longer body is a failure, or just cut off.
    init(limit: Int, failsWhenTooLarge: Bool) {
        self.limit = limit
        self.failsWhenTooLarge = failsWhenTooLarge
    }

    private var isTurnOver: Bool { room <= 0 || MonotonicTime.now() - turnBegan > Self.patience }

    /// Says what was done to the body, before its first byte.
    mutating func begin(codings: [String]) throws(HTTPFailure) {
        guard !codings.isEmpty else { return }
        guard codings == ["gzip"] || codings == ["x-gzip"] else {
            throw HTTPFailure(
                .contentEncoding,
                "encoded as \(codings.joined(separator: ", ").prefix(100)), not as gzip"
            )
        }
        do throws(GzipError) {
            decompressor = try GzipDecompressor()
        } catch {
            throw HTTPFailure(.internal, "zlib gets no memory")
        }
    }

    /// Reads a piece.
    /// - Parameters:
    ///   - bytes: the piece, from its beginning also when it comes again.
    ///   - turn: the loop's turn; in each there is room for a slice.
    ///   - handler: gets the body's bytes; returns false when the transfer is cancelled.
    mutating func receive(
        _ bytes: UnsafeRawBufferPointer,
        turn: UInt64,
        _ handler: (UnsafeRawBufferPointer) -> Bool
    ) throws(HTTPFailure) -> Answer {
        if turn != self.turn {
            self.turn = turn
            room = Self.slice
            turnBegan = .now()
        } else if isTurnOver {
            return .later
        }
        if decompressor == nil {
            room -= bytes.count
            guard unsafe handOn(bytes, handler) else { return try stop() }
            return .taken
        }
        let news = unsafe UnsafeRawBufferPointer(rebasing: bytes[min(taken, bytes.count)...])
        let isDrained: Bool?
        do throws(GzipError) {
            isDrained = try unsafe decompress(news, handler)
        } catch {
            throw HTTPFailure(error)
        }
        guard let isDrained else { return try stop() }
        guard isDrained else { return .later }
        taken -= min(taken, bytes.count)
        return .taken
    }

    /// Says that the body is over.
    func finish() throws(HTTPFailure) {
        guard let decompressor, decompressor.consumed > 0 else { return }
        do throws(GzipError) { try decompressor.finish() } catch { throw HTTPFailure(error) }
    }

    /// Whether all came out that the bytes stand for; nil to end the transfer.
    private mutating func decompress(
        _ bytes: UnsafeRawBufferPointer,
        _ handler: (UnsafeRawBufferPointer) -> Bool
    ) throws(GzipError) -> Bool? {
        guard let decompressor else { return nil }
        var rest = unsafe bytes
        while true {
            let before = decompressor.produced
            let input = unsafe Span<UInt8>(_unsafeElements: rest.assumingMemoryBound(to: UInt8.self))
            let progress = try decompressor.append(input, room: min(room, Self.portion)) { piece in
                unsafe piece.withUnsafeBytes { unsafe handOn($0, handler) }
            }
            room -= decompressor.produced - before
            taken += progress.consumed
            if progress.isStopped { return nil }
            if delivered > Self.harmlessBytes, delivered / Self.greatestExpansion > decompressor.consumed {
                throw .tooLarge(limit: delivered)
            }
            if progress.isDrained || isTurnOver { return progress.isDrained }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[progress.consumed...])
        }
    }

    private mutating func handOn(
        _ bytes: UnsafeRawBufferPointer,
        _ handler: (UnsafeRawBufferPointer) -> Bool
    ) -> Bool {
        let count = min(limit - delivered, bytes.count)
        delivered += count
        isTruncated = count < bytes.count
        if count > 0, unsafe !handler(UnsafeRawBufferPointer(rebasing: bytes[..<count])) { return false }
        return !isTruncated
    }

    private func stop() throws(HTTPFailure) -> Answer {
        guard isTruncated, failsWhenTooLarge else { return .enough }
        throw HTTPFailure(.bodyTooLarge, "more than \(limit) bytes")
    }
}

extension HTTPFailure {
    fileprivate init(_ error: GzipError) {
        switch error {
        case .outOfMemory: self.init(.internal, "zlib gets no memory")
        case .damaged: self.init(.contentEncoding, "the body is not what gzip makes")
        case .truncated: self.init(.contentEncoding, "the compressed body ends early")
        case .tooLarge:
            self.init(
                .bodyTooLarge,
                "grows more than \(BodyReception.greatestExpansion)-fold when decompressed"
            )
        }
    }
}
