// SPDX-License-Identifier: Apache-2.0

import CRE2

/// A pattern that RE2 refused, with its own words.
package struct RegularExpressionError: Error, CustomStringConvertible, Sendable {
    package let pattern: String
    package let message: String

    package var description: String { "invalid regular expression \"\(pattern)\": \(message)" }

    /// The complaint in the words of Go's package, with which RE2 shares its errors.
    package var goDescription: String {
        let (kind, fragment) = Self.inGoWords(message) ?? (message, pattern)
        return "error parsing regexp: \(kind): `\(fragment)`"
    }

    private static func inGoWords(_ message: String) -> (kind: String, fragment: String)? {
        let found = goKinds.first { message == $0.theirs || message.hasPrefix($0.theirs + ": ") }
        guard let kind = found else { return nil }
        return (kind.go, String(message.dropFirst(kind.theirs.count + 2)))
    }

    private static let goKinds: [(theirs: String, go: String)] = [
        ("no argument for repetition operator", "missing argument to repetition operator"),
        ("invalid escape sequence", "invalid escape sequence"), ("invalid character class", "invalid character class"),
        ("invalid character class range", "invalid character class range"), ("missing ]", "missing closing ]"),
        ("missing )", "missing closing )"), ("unexpected )", "unexpected )"),
        ("trailing \\", "trailing backslash at end of expression"),
        ("invalid repetition size", "invalid repeat count"),
        ("bad repetition operator", "invalid nested repetition operator"),
        ("invalid perl operator", "invalid or unsupported Perl syntax"),
        ("invalid named capture group", "invalid named capture"),
    ]
}

/// A compiled RE2 expression: linear time on any input, bounded memory. Prometheus's and Alertmanager's dialect.
///
/// Safe to use from any number of threads at once; RE2 guards its own automaton.
@safe
package final class RegularExpression: Sendable {
    /// Bytes that a compiled program and its automaton may take.
    package static let memoryLimit: Int64 = 8 << 20

    package let pattern: String
    // Invariant: set once, freed in deinit; RE2 objects are safe for concurrent matching.
    private nonisolated(unsafe) let handle: OpaquePointer

    /// Compiles `pattern`; `dotMatchesNewline` is what Prometheus's matchers ask for (`(?s:…)`).
    package init(_ pattern: String, dotMatchesNewline: Bool = true) throws(RegularExpressionError) {
        var message = [CChar](repeating: 0, count: 256)
        var copy = pattern
        let compiled = copy.withUTF8 { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) { text in
                unsafe message.withUnsafeMutableBufferPointer { buffer in
                    unsafe cre2_compile(
                        text.baseAddress,
                        text.count,
                        dotMatchesNewline,
                        Self.memoryLimit,
                        buffer.baseAddress,
                        buffer.count
                    )
                }
            }
        }
        guard let compiled = unsafe compiled else {
            let end = message.firstIndex(of: 0) ?? message.endIndex
            let text = String(decoding: message[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw RegularExpressionError(pattern: pattern, message: text)
        }
        self.pattern = pattern
        unsafe self.handle = compiled
    }

    deinit { unsafe cre2_free(handle) }

    /// Number of capturing groups, the whole match not counted.
    package var groupCount: Int { unsafe Int(cre2_group_count(handle)) }

    /// The 1-based number of a named group.
    package func groupIndex(named name: String) -> Int? {
        var copy = name
        let index = copy.withUTF8 { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) { text in
                unsafe cre2_group_index(handle, text.baseAddress, text.count)
            }
        }
        return index < 0 ? nil : Int(index)
    }

    /// True when the expression matches the whole of `text`, as a label matcher asks.
    package func matchesWhole(_ text: String) -> Bool {
        var copy = text
        return copy.withUTF8 { unsafe matchesWhole($0) }
    }

    /// The same on bytes, which must be UTF-8.
    package func matchesWhole(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        unsafe bytes.withMemoryRebound(to: CChar.self) { text in
            unsafe cre2_full_match(handle, text.baseAddress ?? Self.empty, text.count)
        }
    }

    /// Finds the first match at or after byte offset `start`: byte ranges, the whole match first; a group that took no
    /// part is nil. `whole` asks that the match covers the text.
    package func firstMatch(in bytes: [UInt8], from start: Int = 0, whole: Bool = false) -> [Range<Int>?]? {
        guard start >= 0, start <= bytes.count else { return nil }
        var spans = [cre2_span](repeating: cre2_span(start: -1, end: -1), count: groupCount + 1)
        let found = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { text in
                unsafe spans.withUnsafeMutableBufferPointer { out in
                    unsafe cre2_find(
                        handle,
                        text.baseAddress ?? Self.empty,
                        text.count,
                        start,
                        whole,
                        out.baseAddress,
                        Int32(out.count)
                    )
                }
            }
        }
        guard found else { return nil }
        return spans.map { $0.start < 0 ? nil : $0.start..<$0.end }
    }

    /// One NUL byte that stands for an empty text: RE2 tells "no text" from "empty text" by the pointer.
    private static nonisolated(unsafe) let empty: UnsafePointer<CChar> = {
        let byte = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
        unsafe byte.initialize(to: 0)
        return unsafe UnsafePointer(byte)
    }()
}
