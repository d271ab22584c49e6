// SPDX-License-Identifier: Apache-2.0

/// Finds what somebody probably meant to write.
package enum Spelling {
    /// The candidate nearest to `word`, if it is near enough to be worth naming.
    package static func suggestion(for word: String, among candidates: some Sequence<String>)
        -> String?
    {
        let letters = normalized(word)
        guard !letters.isEmpty, letters.count <= 64 else { return nil }
        let limit = max(1, letters.count / 3)
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let distance = distance(letters, normalized(candidate))
            guard distance <= limit else { continue }
            if let known = best, (known.distance, known.name) <= (distance, candidate) { continue }
            best = (candidate, distance)
        }
        return best?.name
    }

    /// ` did you mean "x"?` behind a semicolon, or nothing.
    package static func hint(for word: String, among candidates: some Sequence<String>) -> String {
        suggestion(for: word, among: candidates).map { "; did you mean \"\($0)\"?" } ?? ""
    }

    private static func normalized(_ word: String) -> [UInt8] {
        word.utf8.prefix(65).map { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
            case UInt8(ascii: "-"): UInt8(ascii: "_")
            default: byte
            }
        }
    }

    /// Edits between two words; two neighbours exchanged count once.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var older = [Int](repeating: 0, count: right.count + 1)
        var previous = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var current = [Int](repeating: i + 1, count: right.count + 1)
            for (j, b) in right.enumerated() {
                var cost = min(previous[j] + (a == b ? 0 : 1), previous[j + 1] + 1, current[j] + 1)
                if i > 0, j > 0, a == right[j - 1], left[i - 1] == b { cost = min(cost, older[j - 1] + 1) }
                current[j + 1] = cost
            }
            older = previous
            previous = current
        }
        return previous[right.count]
    }
}
