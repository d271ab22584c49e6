// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What stands in a `SortedPieces`. Sendable because all that it and its heirs have is constant or atomic.
class SortedEntry: @unchecked Sendable {
    /// Decides about the place in the output.
    final let sortKey: [UInt8]

    init(sortKey: [UInt8]) { self.sortKey = sortKey }
}

/// Entries in their order of output, each with a key of its own.
///
/// In short pieces, because whoever renders holds one of them: adding an entry then copies that piece at most. Not
/// generic, because what is done while a lock is held must be quick, whatever the entries are.
struct SortedPieces: Sendable {
    private var pieces: [[SortedEntry]] = []
    private(set) var count = 0

    private static let longestPiece = 32

    // Not inlined, so that the benchmark can count what is done while a lock is held.
    @inline(never)
    mutating func insert(_ entry: SortedEntry) {
        count += 1
        guard !pieces.isEmpty else { return pieces.append([entry]) }
        let piece = piece(for: entry.sortKey)
        pieces[piece].insert(entry, at: Self.position(of: entry.sortKey, in: pieces[piece]))
        if pieces[piece].count > Self.longestPiece {
            let half = pieces[piece].count / 2
            let upper = Array(pieces[piece][half...])
            pieces[piece].removeSubrange(half...)
            pieces.insert(upper, at: piece + 1)
        }
    }

    @inline(never)
    mutating func remove(_ entry: SortedEntry) {
        guard !pieces.isEmpty else { return }
        let piece = piece(for: entry.sortKey)
        let position = Self.position(of: entry.sortKey, in: pieces[piece])
        guard position < pieces[piece].count, pieces[piece][position] === entry else { return }
        count -= 1
        pieces[piece].remove(at: position)
        if pieces[piece].isEmpty { pieces.remove(at: piece) }
    }

    /// Some entries that follow a key, in order; empty at the end.
    /// - Parameter key: of the last entry seen; nil at the start.
    func piece(after key: [UInt8]?) -> [SortedEntry] {
        guard let key else { return pieces.first ?? [] }
        guard !pieces.isEmpty else { return [] }
        let piece = piece(for: key)
        guard let next = pieces[piece].firstIndex(where: { Self.precedes(key, $0.sortKey) }) else {
            return piece + 1 < pieces.count ? pieces[piece + 1] : []
        }
        return next == 0 ? pieces[piece] : Array(pieces[piece][next...])
    }

    /// The last piece that does not begin after the key.
    private func piece(for key: [UInt8]) -> Int {
        var low = 1
        var high = pieces.count
        while low < high {
            let middle = (low + high) / 2
            if Self.precedes(key, pieces[middle][0].sortKey) { high = middle } else { low = middle + 1 }
        }
        return low - 1
    }

    private static func position(of key: [UInt8], in piece: [SortedEntry]) -> Int {
        var low = 0
        var high = piece.count
        while low < high {
            let middle = (low + high) / 2
            if precedes(piece[middle].sortKey, key) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        let order = unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right -> Int32 in
                guard let start = left.baseAddress, let other = right.baseAddress else { return 0 }
                return unsafe memcmp(start, other, min(left.count, right.count))
            }
        }
        return order < 0 || order == 0 && left.count < right.count
    }
}

extension Guarded<SortedPieces> {
    /// Calls `body` with every entry, without the lock. Entries that come or go meanwhile may be among them or not.
    @inline(__always)
    borrowing func forEach(_ body: (SortedEntry) -> Void) {
        var last: [UInt8]?
        while true {
            let piece = withLock { [last] in $0.piece(after: last) }
            guard let end = piece.last else { return }
            for entry in piece { body(entry) }
            last = end.sortKey
        }
    }
}
