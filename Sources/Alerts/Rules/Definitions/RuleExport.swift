// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// `rules export`: a rule file as any Prometheus takes it, without `x_sidecar:`. Comments and layout stay.
package enum RuleExport {
    /// nil where the key stands inside `{…}` together with others; such a rule has to be written in block style first.
    package static func strip(_ text: String) -> String? {
        var kept: [Substring] = []
        var skippedIndent: Int?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let indent = line.utf8.prefix { $0 == UInt8(ascii: " ") }.count
            let content = line.dropFirst(indent)
            if let limit = skippedIndent {
                if content.isEmpty || indent > limit { continue }
                skippedIndent = nil
            }
            if content.hasPrefix("x_sidecar:") {
                skippedIndent = indent
                continue
            }
            kept.append(line)
        }
        let result = kept.joined(separator: "\n")
        let problems = YAMLProblems()
        guard let document = YAMLDocument.parse(result, file: "", problems: problems) else { return nil }
        return document.root.map { contains($0, depth: 0) } ?? false ? nil : result
    }

    private static func contains(_ node: YAMLNode, depth: Int) -> Bool {
        guard depth < 20 else { return false }
        switch node.content {
        case .scalar: return false
        case .sequence(let elements): return elements.contains { contains($0, depth: depth + 1) }
        case .mapping(let entries):
            return entries.contains { $0.name == "x_sidecar" || contains($0.value, depth: depth + 1) }
        }
    }
}
