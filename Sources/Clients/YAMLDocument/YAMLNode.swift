// SPDX-License-Identifier: Apache-2.0

/// One node of a YAML document and where it stands in the file. Immutable; an alias is the very node of its anchor.
package final class YAMLNode: Sendable {
    /// How a scalar was written. Only a plain one can mean null, a boolean or a number.
    package enum Style: Sendable { case plain, singleQuoted, doubleQuoted, literal, folded }

    package enum Content: Sendable {
        case scalar(String, style: Style)
        case sequence([YAMLNode])
        case mapping([YAMLEntry])
    }

    package let content: Content
    /// 1-based, in Unicode scalars.
    package let line: Int
    package let column: Int
    /// The tag as written, resolved to its full name, when there was one.
    package let tag: String?
    /// Nodes below and including this one, every alias counted in full. Saturates.
    let weight: Int
    /// Levels of collections below and including this one.
    let height: Int

    init(_ content: Content, line: Int, column: Int, tag: String?, weight: Int, height: Int) {
        self.content = content
        self.line = line
        self.column = column
        self.tag = tag
        self.weight = weight
        self.height = height
    }
}

/// A key with its value. `isMerged` tells that it came through a merge key (`<<`).
package struct YAMLEntry: Sendable {
    package let key: YAMLNode
    package let value: YAMLNode
    package let isMerged: Bool

    /// The key's text; nil for a key that is a collection.
    package var name: String? { key.text }
}

extension YAMLNode {
    /// A scalar's text, however it was written.
    package var text: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }

    package var isPlain: Bool {
        if case .scalar(_, .plain) = content { tag == nil || tag == Self.nullTag } else { false }
    }

    /// `~`, `null` or nothing at all, as a key without a value has.
    package var isNull: Bool {
        guard isPlain, let text else { return false }
        return tag == Self.nullTag || ["", "~", "null", "Null", "NULL"].contains(text)
    }

    package var entries: [YAMLEntry]? {
        if case .mapping(let entries) = content { entries } else { nil }
    }

    package var elements: [YAMLNode]? {
        if case .sequence(let elements) = content { elements } else { nil }
    }

    /// The value under a key of a mapping. Linear: for the handful of keys of one section.
    package subscript(_ name: String) -> YAMLNode? {
        entries?.first { $0.name == name }?.value
    }

    /// What the node is, in YAML's own short names: `!!map`, `!!seq`, `!!null`, `!!bool`, `!!int`, `!!float`, `!!str`.
    package var shortTag: String {
        switch content {
        case .mapping: "!!map"
        case .sequence: "!!seq"
        case .scalar(let text, let style):
            if let tag {
                tag.hasPrefix("tag:yaml.org,2002:") ? "!!" + tag.dropFirst(18) : tag
            } else if style != .plain {
                "!!str"
            } else {
                YAMLScalar.shortTag(of: text)
            }
        }
    }

    private static let nullTag = "tag:yaml.org,2002:null"
}
