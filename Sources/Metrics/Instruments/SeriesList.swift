// SPDX-License-Identifier: Apache-2.0

import Exposition
import Synchronization

/// One series in a family.
final class SeriesEntry<Item: Instrument>: Sendable {
    let labels: SeriesLabels
    let sortKey: [String]
    let instrument: Item
    let createdMilliseconds: Int64
    /// Known from the start and never idle.
    let isPermanent: Bool
    /// The instrument's activity when it was last looked at, and since when it has been so. Only the search for idle
    /// series uses them, and one such search runs at a time.
    let activity = Atomic<UInt64>(.max)
    let unchangedSince = Atomic<Int64>(0)

    init(labels: SeriesLabels, sortKey: [String], instrument: Item, createdMilliseconds: Int64, isPermanent: Bool) {
        self.labels = labels
        self.sortKey = sortKey
        self.instrument = instrument
        self.createdMilliseconds = createdMilliseconds
        self.isPermanent = isPermanent
    }
}

/// The series of a family in their order of output.
///
/// In short pieces, because whoever renders keeps a copy: adding a series then copies one piece and the list of pieces,
/// not all series.
struct SeriesList<Item: Instrument>: Sendable {
    private(set) var pieces: [[SeriesEntry<Item>]] = []
    private(set) var count = 0

    private static var longestPiece: Int { 32 }

    mutating func insert(_ entry: SeriesEntry<Item>) {
        count += 1
        guard !pieces.isEmpty else { return pieces.append([entry]) }
        let piece = piece(for: entry.sortKey)
        let place = Self.place(of: entry.sortKey, in: pieces[piece])
        pieces[piece].insert(entry, at: place)
        if pieces[piece].count > Self.longestPiece {
            let half = pieces[piece].count / 2
            let upper = Array(pieces[piece][half...])
            pieces[piece].removeSubrange(half...)
            pieces.insert(upper, at: piece + 1)
        }
    }

    mutating func remove(_ entry: SeriesEntry<Item>) {
        guard !pieces.isEmpty else { return }
        let piece = piece(for: entry.sortKey)
        let place = Self.place(of: entry.sortKey, in: pieces[piece])
        guard place < pieces[piece].count, pieces[piece][place] === entry else { return }
        count -= 1
        pieces[piece].remove(at: place)
        if pieces[piece].isEmpty { pieces.remove(at: piece) }
    }

    /// The last piece that does not begin after the key.
    private func piece(for key: [String]) -> Int {
        var low = 1
        var high = pieces.count
        while low < high {
            let middle = (low + high) / 2
            if Self.precedes(key, pieces[middle][0].sortKey) { high = middle } else { low = middle + 1 }
        }
        return low - 1
    }

    private static func place(of key: [String], in piece: [SeriesEntry<Item>]) -> Int {
        var low = 0
        var high = piece.count
        while low < high {
            let middle = (low + high) / 2
            if precedes(piece[middle].sortKey, key) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func precedes(_ left: [String], _ right: [String]) -> Bool {
        for (first, second) in zip(left, right) where first != second {
            return first.utf8.lexicographicallyPrecedes(second.utf8)
        }
        return left.count < right.count
    }
}
