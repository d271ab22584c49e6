// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// `rules export`: a rule file as any Prometheus takes it, without `x_sidecar:`. Comments and layout stay.
package enum RuleExport {
    private static let key = "x_sidecar"

    /// nil where the text is no YAML, or a key stands where it cannot be cut out.
    package static func strip(_ text: String) -> String? {
        guard let root = root(of: text) else { return nil }
        var source = Source(text)
        var cuts: [Range<Int>] = []
        var isWhole = true
        visit(root, depth: 0) { parent, entry, next in
            if let cut = source.range(of: entry, in: parent, before: next) { cuts.append(cut) } else { isWhole = false }
        }
        guard isWhole else { return nil }
        source.remove(cuts)
        let result = String(decoding: source.bytes, as: UTF8.self)
        var hasKey = false
        guard let stripped = self.root(of: result) else { return nil }
        visit(stripped, depth: 0) { _, _, _ in hasKey = true }
        return hasKey ? nil : result
    }

    private static func root(of text: String) -> YAMLNode? {
        YAMLDocument.parse(text, file: "", problems: YAMLProblems())?.root
    }

    /// Every key that is ours, with the mapping it stands in and the entry after it.
    private static func visit(
        _ node: YAMLNode,
        depth: Int,
        _ body: (_ parent: YAMLNode, _ entry: YAMLEntry, _ next: YAMLEntry?) -> Void
    ) {
        guard depth < 20 else { return }
        switch node.content {
        case .scalar: break
        case .sequence(let elements): for element in elements { visit(element, depth: depth + 1, body) }
        case .mapping(let entries):
            for (index, entry) in entries.enumerated() where !entry.isMerged {
                if entry.name == key {
                    body(node, entry, index + 1 < entries.count ? entries[index + 1] : nil)
                } else {
                    visit(entry.value, depth: depth + 1, body)
                }
            }
        }
    }

    /// The text with its lines, from which entries are cut.
    private struct Source {
        private(set) var bytes: [UInt8]
        private let lines: [Int]

        init(_ text: String) {
            let text = Array(text.utf8)
            bytes = text
            lines = [0] + text.indices.filter { text[$0] == UInt8(ascii: "\n") }.map { $0 + 1 }
        }

        mutating func remove(_ ranges: [Range<Int>]) {
            var kept: [UInt8] = []
            var from = 0
            for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where range.lowerBound >= from {
                kept += bytes[from..<range.lowerBound]
                from = range.upperBound
            }
            bytes = kept + bytes[from...]
        }

        /// What has to go with the entry, separators included.
        func range(of entry: YAMLEntry, in parent: YAMLNode, before next: YAMLEntry?) -> Range<Int>? {
            guard let start = offset(of: entry.key), let mapping = offset(of: parent) else { return nil }
            if bytes[mapping] == UInt8(ascii: "{") { return flowRange(from: start) }
            let line = lines[entry.key.line - 1]
            guard bytes[line..<start].allSatisfy({ $0 == UInt8(ascii: " ") }) else {
                // The first entry of a list's element: the next one takes its place.
                guard let end = next.flatMap({ offset(of: $0.key) }), end > start else { return nil }
                return start..<end
            }
            let end = blockEnd(after: entry.key.line, indent: start - line)
            // A last line without a newline takes the one before it along.
            return (end == bytes.count && bytes.last != UInt8(ascii: "\n") ? max(0, line - 1) : line)..<end
        }

        /// Where the node begins, in bytes; columns count Unicode scalars.
        private func offset(of node: YAMLNode) -> Int? {
            guard lines.indices.contains(node.line - 1) else { return nil }
            var offset = lines[node.line - 1]
            var column = 1
            while column < node.column, offset < bytes.count {
                offset += 1
                while offset < bytes.count, bytes[offset] & 0xC0 == 0x80 { offset += 1 }
                column += 1
            }
            return offset < bytes.count ? offset : nil
        }

        /// The first line after `line` that is neither empty nor indented more.
        private func blockEnd(after line: Int, indent: Int) -> Int {
            for start in lines.dropFirst(line) {
                let rest = bytes[start...].prefix { $0 != UInt8(ascii: "\n") }
                let spaces = rest.prefix { $0 == UInt8(ascii: " ") }.count
                if spaces < rest.count, spaces <= indent { return start }
            }
            return bytes.count
        }

        /// Inside `{…}`: to the comma after the entry, or from the one before it.
        private func flowRange(from start: Int) -> Range<Int>? {
            guard let end = flowEnd(from: start) else { return nil }
            if bytes[end] == UInt8(ascii: ",") {
                return start..<(end + 1 + bytes[(end + 1)...].prefix { $0 == UInt8(ascii: " ") }.count)
            }
            let comma = start - spaces(before: start) - 1
            let hasComma = comma >= 0 && bytes[comma] == UInt8(ascii: ",")
            return (hasComma ? comma : start)..<(end - spaces(before: end))
        }

        private func spaces(before offset: Int) -> Int {
            bytes[..<offset].reversed().prefix { [0x20, 0x0A, 0x0D, 0x09].contains($0) }.count
        }

        private func flowEnd(from start: Int) -> Int? {
            var depth = 0
            var quote: UInt8?
            var index = start
            while index < bytes.count {
                let byte = bytes[index]
                if let open = quote {
                    if open == UInt8(ascii: "\""), byte == UInt8(ascii: "\\") { index += 1 }
                    if byte == open { quote = nil }
                } else {
                    switch byte {
                    case UInt8(ascii: "\""), UInt8(ascii: "'"): quote = byte
                    case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                    case UInt8(ascii: ",") where depth == 0: return index
                    case UInt8(ascii: "}"), UInt8(ascii: "]"):
                        if depth == 0 { return index }
                        depth -= 1
                    default: break
                    }
                }
                index += 1
            }
            return nil
        }
    }
}
