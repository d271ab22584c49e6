// SPDX-License-Identifier: Apache-2.0

/// A function that templates may call.
package struct TemplateFunction: Sendable {
    package typealias Body = @Sendable (TemplateArguments) throws(TemplateError) -> TemplateValue

    package let name: String
    package let arity: ClosedRange<Int>
    let body: Body

    /// `arity` is checked before `body` is called; an open upper end is `Int.max`.
    package init(_ name: String, arity: ClosedRange<Int>, _ body: @escaping Body) {
        self.name = name
        self.arity = arity
        self.body = body
    }

    package init(_ name: String, arity: Int, _ body: @escaping Body) {
        self.init(name, arity: arity...arity, body)
    }
}

/// The arguments of a call, with the checks that Go's static types make.
package struct TemplateArguments: Sendable {
    package let values: [TemplateValue]

    package init(_ values: [TemplateValue]) { self.values = values }

    package var count: Int { values.count }

    package subscript(_ index: Int) -> TemplateValue { index < values.count ? values[index] : .null }

    package func string(_ index: Int) throws(TemplateError) -> String {
        if let text = self[index].text { return text }
        throw wrong("string", index)
    }

    /// A float, or a whole number written as a literal.
    package func float(_ index: Int) throws(TemplateError) -> Double {
        switch self[index].plain {
        case .float(let value): return value
        case .integer(let value): return Double(value)
        default: throw wrong("float64", index)
        }
    }

    package func integer(_ index: Int) throws(TemplateError) -> Int64 {
        if case .integer(let value) = self[index].plain { return value }
        throw wrong("int", index)
    }

    package func list(_ index: Int) throws(TemplateError) -> [TemplateValue] {
        switch self[index].plain {
        case .list(let elements): return elements
        case .null: return []
        default: throw wrong("[]interface {}", index)
        }
    }

    package func wrong(_ expected: String, _ index: Int) -> TemplateError {
        let value = self[index]
        let found = if case .null = value { "interface {}" } else { value.typeName }
        return TemplateError("wrong type for value; expected \(expected); got \(found)")
    }
}

/// The functions of one template dialect on top of Go's own.
package struct TemplateFunctions: Sendable {
    private var table: [String: TemplateFunction]

    /// Go's built-in functions alone.
    package static let builtins = TemplateFunctions(table: TemplateBuiltins.table)

    package init(_ functions: [TemplateFunction]) {
        table = TemplateBuiltins.table
        for function in functions { table[function.name] = function }
    }

    private init(table: [String: TemplateFunction]) { self.table = table }

    package mutating func add(_ function: TemplateFunction) { table[function.name] = function }

    package subscript(_ name: String) -> TemplateFunction? { table[name] }

    package func contains(_ name: String) -> Bool { table[name] != nil }

    package var names: [String] { table.keys.sorted() }
}
