// SPDX-License-Identifier: Apache-2.0

import Crypto
package import RegularExpressions

/// One rule of `relabel_configs` or `metric_relabel_configs`, as Prometheus defines its actions.
package struct RelabelRule: Sendable {
    package enum Action: String, Sendable, Hashable, CaseIterable {
        case replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase
    }

    package var action = Action.replace
    package var sourceLabels: [String] = []
    package var separator = ";"
    package var targetLabel = ""
    package var replacement = "$1"
    package var modulus: UInt64 = 0
    private let expression: RegularExpression
    private let matchesAll: Bool

    /// What is wrong with a rule.
    package struct Invalid: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// `pattern` matches the whole of its text, as all of Prometheus's do.
    package init(_ action: Action = .replace, pattern: String = "(.*)") throws(RegularExpressionError) {
        self.action = action
        expression = try RegularExpression(pattern)
        matchesAll = pattern == "(.*)" || pattern == ".*"
    }

    /// What Prometheus refuses at load; nil when all is well.
    package var problem: String? {
        switch action {
        case .replace, .hashmod, .lowercase, .uppercase, .keepequal, .dropequal:
            if targetLabel.isEmpty {
                return "relabel configuration for \(action.rawValue) action requires 'target_label' value"
            }
        case .keep, .drop, .labelmap, .labeldrop, .labelkeep: break
        }
        if action == .hashmod, modulus == 0 { return "relabel configuration for hashmod requires non-zero modulus" }
        return nil
    }

    /// Applies rules in order; nil when the series or target is dropped.
    package static func apply(_ rules: [RelabelRule], to labels: [String: String]) -> [String: String]? {
        var labels = labels
        for rule in rules {
            guard rule.apply(to: &labels) else { return nil }
        }
        return labels
    }

    private func apply(to labels: inout [String: String]) -> Bool {
        switch action {
        case .replace: replace(in: &labels)
        case .keep: return expression.matchesWhole(source(labels))
        case .drop: return !expression.matchesWhole(source(labels))
        case .keepequal: return source(labels) == labels[targetLabel] ?? ""
        case .dropequal: return source(labels) != labels[targetLabel] ?? ""
        case .lowercase: set(targetLabel, source(labels).lowercased(), in: &labels)
        case .uppercase: set(targetLabel, source(labels).uppercased(), in: &labels)
        case .hashmod: set(targetLabel, String(Self.hash(source(labels)) % max(1, modulus)), in: &labels)
        case .labelmap:
            for (name, value) in labels.sorted(by: { $0.key < $1.key }) {
                guard let renamed = expand(replacement, matching: name) else { continue }
                set(renamed, value, in: &labels)
            }
        case .labeldrop: labels = labels.filter { !expression.matchesWhole($0.key) }
        case .labelkeep: labels = labels.filter { expression.matchesWhole($0.key) }
        }
        return true
    }

    private func replace(in labels: inout [String: String]) {
        // The common case: a constant for everything.
        if matchesAll, !replacement.contains("$"), !targetLabel.contains("$") {
            return set(targetLabel, replacement, in: &labels)
        }
        let text = source(labels)
        guard let target = expand(targetLabel, matching: text), Self.isLabelName(target) else { return }
        guard let value = expand(replacement, matching: text) else { return }
        set(target, value, in: &labels)
    }

    private func source(_ labels: [String: String]) -> String {
        sourceLabels.count == 1
            ? labels[sourceLabels[0]] ?? "" : sourceLabels.map { labels[$0] ?? "" }.joined(separator: separator)
    }

    private func set(_ name: String, _ value: String, in labels: inout [String: String]) {
        labels[name] = value.isEmpty ? nil : value
    }

    /// The last eight bytes of the MD5 of the text, as Prometheus's hashmod takes them.
    private static func hash(_ text: String) -> UInt64 {
        Array(Insecure.MD5.hash(data: Array(text.utf8))).suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func isLabelName(_ name: String) -> Bool { !name.isEmpty }

    /// `$1`, `${1}`, `${name}` and `$$` replaced by the groups of the match; nil when the text does not match.
    private func expand(_ template: String, matching text: String) -> String? {
        let bytes = Array(text.utf8)
        guard let groups = expression.firstMatch(in: bytes, whole: true) else { return nil }
        guard template.contains("$") else { return template }
        var result: [UInt8] = []
        var rest = Array(template.utf8)[...]
        while let byte = rest.first {
            rest = rest.dropFirst()
            guard byte == UInt8(ascii: "$") else {
                result.append(byte)
                continue
            }
            if rest.first == UInt8(ascii: "$") {
                result.append(byte)
                rest = rest.dropFirst()
                continue
            }
            guard let name = Self.groupName(&rest) else {
                result.append(byte)
                continue
            }
            let index = Int(name) ?? expression.groupIndex(named: name)
            if let index, groups.indices.contains(index), let range = groups[index] {
                result.append(contentsOf: bytes[range])
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// `1`, `name` or `{name}` after a dollar sign; nil when there is none, and then nothing is consumed.
    private static func groupName(_ rest: inout ArraySlice<UInt8>) -> String? {
        let isBraced = rest.first == UInt8(ascii: "{")
        let inside = isBraced ? rest.dropFirst() : rest
        let name = inside.prefix { byte in
            byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        }
        guard !name.isEmpty else { return nil }
        var remaining = inside.dropFirst(name.count)
        if isBraced {
            guard remaining.first == UInt8(ascii: "}") else { return nil }
            remaining = remaining.dropFirst()
        }
        rest = remaining
        return String(decoding: name, as: UTF8.self)
    }
}
