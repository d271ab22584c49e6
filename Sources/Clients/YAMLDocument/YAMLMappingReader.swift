// SPDX-License-Identifier: Apache-2.0

/// Reads one mapping key by key and keeps account: every key asked for is known, `finish()` reports the others.
///
/// No method throws. A value that does not fit is a problem with its place, and the answer is nil, so that a decoder
/// goes on and all problems of a file appear at once. A key whose value is null counts as absent.
package final class YAMLMappingReader {
    package let file: String
    package let node: YAMLNode
    /// Where the mapping stands, for messages: `scrape_configs[0]`; empty at the top.
    package let path: String
    package let problems: YAMLProblems
    private let values: [String: YAMLEntry]
    private var known: Set<String> = []

    /// nil, with a problem, when `node` is no mapping.
    package init?(_ node: YAMLNode, file: String, path: String = "", problems: YAMLProblems) {
        guard let entries = node.entries else {
            let subject = path.isEmpty ? "the document" : path
            problems.add(file: file, at: node, "\(subject) must be a mapping, this is \(node.shortTag)")
            return nil
        }
        self.file = file
        self.node = node
        self.path = path
        self.problems = problems
        values = Dictionary(
            entries.compactMap { entry in entry.name.map { ($0, entry) } },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// The keys in the order of the file.
    package var keys: [String] { node.entries?.compactMap(\.name) ?? [] }

    /// The value under `key`; nil when absent or null.
    package func value(_ key: String) -> YAMLNode? {
        known.insert(key)
        guard let value = values[key]?.value, !value.isNull else { return nil }
        return value
    }

    /// True when the key stands there, even with a null.
    package func contains(_ key: String) -> Bool {
        known.insert(key)
        return values[key] != nil
    }

    /// Keys that are fine and read elsewhere or not at all.
    package func ignore(_ keys: String...) { known.formUnion(keys) }

    /// Reports what nobody asked for. Call it last.
    package func finish() {
        for entry in node.entries ?? [] {
            guard let name = entry.name, !known.contains(name) else { continue }
            let place = path.isEmpty ? "" : " in \(path)"
            let hint = Spelling.hint(for: name, among: known.filter { values[$0] == nil }.sorted())
            problems.add(file: file, at: entry.key, "unknown key \"\(name)\"\(place)\(hint)")
        }
    }

    /// `path.key`, for messages.
    package func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// Reports a problem at the value of `key`, at the key, or at the mapping, whichever is there.
    package func problem(
        _ key: String? = nil,
        _ message: String,
        severity: YAMLProblem.Severity = .error
    ) {
        let entry = key.flatMap { values[$0] }
        let place = entry.map { $0.value.isNull ? $0.key : $0.value } ?? node
        problems.add(file: file, at: place, message, severity: severity)
    }

    /// Says that `key` is missing.
    package func missing(_ key: String) { problem(nil, "\(name(key)) is required") }
}
