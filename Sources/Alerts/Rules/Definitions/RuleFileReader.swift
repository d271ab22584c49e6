// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import GoTemplates
import PromQL
import YAMLDocument

/// Decodes the nodes of a rule file with the checks and words of Prometheus's rulefmt.
struct RuleFileReader {
    let file: String
    let options: RuleFile.Options
    let problems: YAMLProblems

    private static let groupKeys = ["name", "interval", "query_offset", "limit", "rules", "labels"]
    static let ruleKeys = [
        "record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations", "x_sidecar",
    ]

    /// A rule with the names that messages about it begin with.
    struct Context {
        var group: String
        var number: Int
        var name: String

        var prefix: String {
            "group \(GoText.quote(group)), rule \(number), \(GoText.quote(name)): "
        }
    }

    func report(_ node: YAMLNode, _ message: String) { problems.add(file: file, at: node, message) }

    mutating func groups(_ root: YAMLNode) -> [RuleGroupDefinition] {
        let fields = fields(root, known: ["groups"], type: "rulefmt.RuleGroups")
        guard let list = fields["groups"], let nodes = list.elementsOrNull else {
            if let list = fields["groups"] { report(list, mismatch(list, "[]rulefmt.RuleGroup")) }
            return []
        }
        var names: Set<String> = []
        return nodes.compactMap { node in
            let group = group(node)
            guard let group else { return nil }
            if !names.insert(group.name).inserted {
                report(node, "groupname: \"\(group.name)\" is repeated in the same file")
            }
            return group
        }
    }

    private func group(_ node: YAMLNode) -> RuleGroupDefinition? {
        let fields = fields(node, known: Self.groupKeys, type: "rulefmt.RuleGroup")
        let name = fields["name"].flatMap { text($0) } ?? ""
        if name.isEmpty { report(node, "Groupname must not be empty") }
        var group = RuleGroupDefinition(name: name, file: file, line: node.line)
        group.interval = fields["interval"].flatMap { duration($0) }
        if group.interval == .zero { group.interval = nil }
        group.queryOffset = fields["query_offset"].flatMap { duration($0) }
        if let limit = fields["limit"] {
            if let value = limit.text.flatMap({ limit.isPlain ? YAMLScalar.integer($0) : nil }) {
                group.limit = max(0, value)
            } else {
                report(limit, mismatch(limit, "int"))
            }
        }
        group.labels = (fields["labels"].map { labels($0, prefix: "") } ?? []).map { ($0.name, $0.value) }
        guard let list = fields["rules"] else { return group }
        guard let nodes = list.elementsOrNull else {
            report(list, mismatch(list, "[]rulefmt.Rule"))
            return group
        }
        group.rules = nodes.enumerated().compactMap { rule($1, group: group, number: $0 + 1) }
        return group
    }

    /// The fields of a struct; what is no mapping and keys that are not known are reported.
    func fields(_ node: YAMLNode, known: [String], type: String) -> [String: YAMLNode] {
        if node.isNull { return [:] }
        guard let entries = node.entries else {
            report(node, mismatch(node, type))
            return [:]
        }
        var fields: [String: YAMLNode] = [:]
        for entry in entries {
            guard let name = entry.name else { continue }
            if known.contains(name) {
                if !entry.value.isNull { fields[name] = entry.value }
            } else if !options.ignoresUnknownFields {
                let hint = Spelling.hint(for: name, among: known)
                report(
                    entry.key,
                    "yaml: unmarshal errors: line \(entry.key.line): field \(name) not found in type \(type)\(hint)"
                )
            }
        }
        return fields
    }

    func mismatch(_ node: YAMLNode, _ type: String) -> String {
        let shown =
            node.text.map {
                " `\($0.utf8.count > 10 ? String(decoding: $0.utf8.prefix(7), as: UTF8.self) + "..." : $0)`"
            } ?? ""
        return "yaml: unmarshal errors: line \(node.line): cannot unmarshal \(node.shortTag)\(shown) into \(type)"
    }

    func text(_ node: YAMLNode) -> String? {
        if let text = node.text { return text }
        report(node, mismatch(node, "string"))
        return nil
    }

    func duration(_ node: YAMLNode) -> Duration? {
        guard let text = text(node) else { return nil }
        if let duration = PrometheusDuration.parse(text) { return duration }
        let quoted = GoText.quote(text)
        report(node, text.isEmpty ? "empty duration string" : "not a valid duration string: \(quoted)")
        return nil
    }

    /// A mapping of texts to texts; a null value is empty.
    func pairs(_ node: YAMLNode) -> [(name: String, value: String, key: YAMLNode, node: YAMLNode)] {
        guard let entries = node.entries else {
            report(node, mismatch(node, "map[string]string"))
            return []
        }
        return entries.compactMap { entry in
            guard let name = entry.name else { return nil }
            if entry.value.isNull { return (name, "", entry.key, entry.value) }
            return text(entry.value).map { (name, $0, entry.key, entry.value) }
        }
    }

    func labels(_ node: YAMLNode, prefix: String) -> [(name: String, value: String, key: YAMLNode, node: YAMLNode)] {
        let pairs = pairs(node)
        for pair in pairs where pair.name.isEmpty || pair.name == "__name__" {
            report(pair.key, "\(prefix)invalid label name: \(pair.name)")
        }
        return pairs
    }
}

extension YAMLNode {
    /// The elements of a list; none of a null.
    var elementsOrNull: [YAMLNode]? { isNull ? [] : elements }
}
