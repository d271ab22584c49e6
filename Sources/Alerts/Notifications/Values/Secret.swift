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
