// SPDX-License-Identifier: Apache-2.0

import GoFormatting

/// A dynamically typed value as templates see it.
package indirect enum TemplateValue: Sendable {
    /// Go's nil, and what a missing key of a mixed map gives; prints as `<no value>`.
    case null
    case bool(Bool)
    case integer(Int64)
    case float(Double)
    case string(String)
    /// Text that is HTML already and passes unescaped.
    case html(String)
    case list([TemplateValue])
    case map(TemplateMap)
    case object(any TemplateObject)
    case function(TemplateFunction)
}

/// A map from text to values. `missing` is what an absent key gives: "" in a map of texts, nothing in a mixed one.
package struct TemplateMap: Sendable {
    package var values: [String: TemplateValue]
    package var missing: TemplateValue

    package init(_ values: [String: TemplateValue], missing: TemplateValue = .null) {
        self.values = values
        self.missing = missing
    }

    /// A map of texts, as label sets are.
    package init(texts: some Sequence<(name: String, value: String)>) {
        values = Dictionary(texts.map { ($0.name, .string($0.value)) }, uniquingKeysWith: { _, last in last })
        missing = .string("")
    }

    var sortedKeys: [String] { values.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
    var typeName: String { if case .string = missing { "map[string]string" } else { "map[string]interface {}" } }
}

/// Something with fields and methods: a sample, an alert, a list of alerts.
package protocol TemplateObject: Sendable {
    /// How error messages call it.
    var typeName: String { get }
    /// What it is where a plain value is wanted: to range over, count, index, print, and for its truth.
    var plain: TemplateValue { get }
    /// A field, or the result of a method. nil: there is none of that name.
    func member(_ name: String, _ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue?
}

extension TemplateValue {
    package static func texts(_ texts: [String]) -> TemplateValue { .list(texts.map { .string($0) }) }

    package static func texts(_ pairs: some Sequence<(name: String, value: String)>) -> TemplateValue {
        .map(TemplateMap(texts: pairs))
    }

    /// The value behind an object's own face.
    package var plain: TemplateValue {
        if case .object(let object) = self {
            let value = object.plain
            if case .object = value { return .null }
            return value
        }
        return self
    }

    package var text: String? {
        switch self {
        case .string(let text), .html(let text): text
        case .object(let object):
            if case .string(let text) = object.plain { text } else { nil }
        default: nil
        }
    }

    /// Go's type name, for messages.
    package var typeName: String {
        switch self {
        case .null: "nil"
        case .bool: "bool"
        case .integer: "int"
        case .float: "float64"
        case .string: "string"
        case .html: "template.HTML"
        case .list: "[]interface {}"
        case .map(let map): map.typeName
        case .object(let object): object.typeName
        case .function: "func"
        }
    }

    /// Truth as `if` sees it: false, zero, and empty are false.
    package var isTrue: Bool {
        switch self {
        case .null: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .float(let value): value != 0
        case .string(let text), .html(let text): !text.isEmpty
        case .list(let elements): !elements.isEmpty
        case .map(let map): !map.values.isEmpty
        case .function: true
        case .object(let object):
            switch object.plain {
            case .null, .object: true
            case let plain: plain.isTrue
            }
        }
    }

    /// The value as an action prints it.
    package var printed: String {
        var text = ""
        if case .null = self { return "<no value>" }
        write(to: &text, depth: 0)
        return text
    }

    /// The value inside a list, a map or `print`, where nil is `<nil>`.
    func write(to text: inout String, depth: Int) {
        guard depth < 20 else {
            text += "..."
            return
        }
        switch self {
        case .null: text += "<nil>"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .float(let value): text += GoFloat.general(value)
        case .string(let value), .html(let value): text += value
        case .function: text += "<func>"
        case .list(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += " " }
                element.write(to: &text, depth: depth + 1)
            }
            text += "]"
        case .map(let map):
            text += "map["
            for (index, key) in map.sortedKeys.enumerated() {
                if index > 0 { text += " " }
                text += key + ":"
                map.values[key]?.write(to: &text, depth: depth + 1)
            }
            text += "]"
        case .object: plain.write(to: &text, depth: depth + 1)
        }
    }
}
