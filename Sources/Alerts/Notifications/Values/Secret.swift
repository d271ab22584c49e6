// SPDX-License-Identifier: Apache-2.0

/// Text that must not be shown: a token, a password, a URL that is one. Its descriptions are redacted; whoever needs the
/// text says `reveal()`, and only the wire does.
package struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    package init(_ text: String) { self.text = text }

    package func reveal() -> String { text }

    package var isEmpty: Bool { text.isEmpty }

    package var description: String { Self.redacted }
    package var debugDescription: String { Self.redacted }
    package var customMirror: Mirror { Mirror(self, children: [:]) }

    /// The parts of a URL that are as secret as the whole: what a server could repeat of it.
    var urlParts: [Secret] {
        let bytes = Array(text.utf8)
        guard let scheme = text.firstRange(ofBytes: "://") else { return [] }
        var parts: [Secret] = []
        let authority = bytes[scheme...].prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            parts.append(Secret(String(decoding: authority[..<at], as: UTF8.self)))
        }
        let rest = bytes[authority.endIndex...]
        parts.append(Secret(String(decoding: rest, as: UTF8.self)))
        let separators = Array("/?&=#".utf8)
        for piece in rest.split(whereSeparator: { separators.contains($0) }) where piece.count >= Self.shortestPart {
            parts.append(Secret(String(decoding: piece, as: UTF8.self)))
        }
        return parts.filter { $0.text.utf8.count >= Self.shortestPart }
    }

    /// Shorter pieces are words such as `hook`, not tokens.
    private static let shortestPart = 6

    package static let redacted = "<secret>"
}

extension Secret {
    /// Takes every occurrence of this secret out of `text`.
    func removed(from text: String) -> String {
        guard !self.text.isEmpty else { return text }
        let wanted = Array(self.text.utf8)
        let bytes = Array(text.utf8)
        guard bytes.count >= wanted.count else { return text }
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index...].starts(with: wanted) {
                result.append(contentsOf: Self.redacted.utf8)
                index += wanted.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

extension String {
    /// The byte offset behind the first `word`.
    fileprivate func firstRange(ofBytes word: String) -> Int? {
        let bytes = Array(utf8), wanted = Array(word.utf8)
        guard bytes.count >= wanted.count else { return nil }
        let start = (0...(bytes.count - wanted.count)).first { bytes[$0...].starts(with: wanted) }
        return start.map { $0 + wanted.count }
    }
}
