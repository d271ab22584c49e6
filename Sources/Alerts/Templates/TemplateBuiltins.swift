// SPDX-License-Identifier: Apache-2.0

/// Go's built-in functions. `and` and `or` stand here for the parser; the executor runs them itself, as they stop early.
enum TemplateBuiltins {
    static let table: [String: TemplateFunction] = Dictionary(
        uniqueKeysWithValues: functions.map { ($0.name, $0) }
    )

    private static let functions: [TemplateFunction] = [
        TemplateFunction("and", arity: 1...Int.max) { arguments in arguments[0] },
        TemplateFunction("or", arity: 1...Int.max) { arguments in arguments[0] },
        TemplateFunction("not", arity: 1) { arguments in .bool(!arguments[0].isTrue) },
        TemplateFunction("len", arity: 1) { arguments throws(TemplateError) in .integer(try length(arguments[0])) },
        TemplateFunction("index", arity: 1...Int.max) { arguments throws(TemplateError) in try index(arguments.values)
        },
        TemplateFunction("slice", arity: 1...4) { arguments throws(TemplateError) in try slice(arguments) },
        TemplateFunction("call", arity: 1...Int.max) { arguments throws(TemplateError) in
            guard case .function(let function) = arguments[0] else {
                if case .null = arguments[0] { throw TemplateError("call of nil") }
                throw TemplateError("non-function of type \(arguments[0].typeName)")
            }
            let rest = TemplateArguments(Array(arguments.values.dropFirst()))
            guard function.arity.contains(rest.count) else {
                throw TemplateError("wrong number of args: got \(rest.count) want \(function.arity.lowerBound)")
            }
            return try function.body(rest)
        },
        TemplateFunction("eq", arity: 1...Int.max) { arguments throws(TemplateError) in
            guard arguments.count > 1 else { throw TemplateError("missing argument for comparison") }
            for other in arguments.values.dropFirst() where try TemplateComparison.equal(arguments[0], other) {
                return .bool(true)
            }
            return .bool(false)
        },
        TemplateFunction("ne", arity: 2) { arguments throws(TemplateError) in
            .bool(!(try TemplateComparison.equal(arguments[0], arguments[1])))
        },
        TemplateFunction("lt", arity: 2) { arguments throws(TemplateError) in
            .bool(try TemplateComparison.less(arguments[0], arguments[1]))
        },
        TemplateFunction("le", arity: 2) { arguments throws(TemplateError) in
            let (left, right) = (arguments[0], arguments[1])
            let isLess = try TemplateComparison.less(left, right)
            return .bool(isLess ? true : try TemplateComparison.equal(left, right))
        },
        TemplateFunction("gt", arity: 2) { arguments throws(TemplateError) in
            let (left, right) = (arguments[0], arguments[1])
            if try TemplateComparison.less(left, right) { return .bool(false) }
            return .bool(!(try TemplateComparison.equal(left, right)))
        },
        TemplateFunction("ge", arity: 2) { arguments throws(TemplateError) in
            .bool(!(try TemplateComparison.less(arguments[0], arguments[1])))
        },
        TemplateFunction("print", arity: 0...Int.max) { arguments in .string(GoFormat.print(arguments.values)) },
        TemplateFunction("println", arity: 0...Int.max) { arguments in
            .string(arguments.values.map { GoFormat.text($0) }.joined(separator: " ") + "\n")
        },
        TemplateFunction("printf", arity: 1...Int.max) { arguments throws(TemplateError) in
            .string(GoFormat.format(try arguments.string(0), Array(arguments.values.dropFirst())))
        },
        TemplateFunction("html", arity: 0...Int.max) { arguments in
            .string(TemplateEscape.html(GoFormat.print(arguments.values)))
        },
        TemplateFunction("js", arity: 0...Int.max) { arguments in
            .string(TemplateEscape.javaScript(GoFormat.print(arguments.values)))
        },
        TemplateFunction("urlquery", arity: 0...Int.max) { arguments in
            .string(TemplateEscape.query(GoFormat.print(arguments.values)))
        },
    ]

    static func length(_ value: TemplateValue) throws(TemplateError) -> Int64 {
        switch value.plain {
        case .string(let text), .html(let text): return Int64(text.utf8.count)
        case .list(let elements): return Int64(elements.count)
        case .map(let map): return Int64(map.values.count)
        case .null: throw TemplateError("len of nil pointer")
        case let other: throw TemplateError("len of type \(other.typeName)")
        }
    }

    private static func index(_ values: [TemplateValue]) throws(TemplateError) -> TemplateValue {
        guard var item = values.first else { return .null }
        for key in values.dropFirst() {
            switch item.plain {
            case .null: throw TemplateError("index of nil pointer")
            case .list(let elements): item = elements[try position(key, below: elements.count)]
            case .string(let text), .html(let text):
                let bytes = Array(text.utf8)
                item = .integer(Int64(bytes[try position(key, below: bytes.count)]))
            case .map(let map):
                guard let name = key.text else {
                    if case .null = key { throw TemplateError("value is nil; should be of type string") }
                    throw TemplateError("value has type \(key.typeName); should be string")
                }
                item = map.values[name] ?? map.missing
            case let other: throw TemplateError("can't index item of type \(other.typeName)")
            }
        }
        return item
    }

    private static func position(_ key: TemplateValue, below count: Int) throws(TemplateError) -> Int {
        guard case .integer(let place) = key else {
            if case .null = key { throw TemplateError("cannot index slice/array with nil") }
            throw TemplateError("cannot index slice/array with type \(key.typeName)")
        }
        guard let index = Int(exactly: place), index >= 0, index < count else {
            throw TemplateError("index out of range: \(place)")
        }
        return index
    }

    private static func slice(_ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
        let item = arguments[0].plain
        let count: Int
        switch item {
        case .string(let text), .html(let text):
            if arguments.count == 4 { throw TemplateError("cannot 3-index slice a string") }
            count = text.utf8.count
        case .list(let elements): count = elements.count
        case .null: throw TemplateError("slice of untyped nil")
        default: throw TemplateError("can't slice item of type \(item.typeName)")
        }
        var bounds = [0, count, count]
        for (index, key) in arguments.values.dropFirst().enumerated() {
            bounds[index] = try position(key, below: count + 1)
        }
        guard bounds[0] <= bounds[1], bounds[1] <= bounds[2] else {
            throw TemplateError("invalid slice index: \(bounds[0]) > \(bounds[1])")
        }
        if case .list(let elements) = item { return .list(Array(elements[bounds[0]..<bounds[1]])) }
        let bytes = Array((item.text ?? "").utf8)
        return .string(String(decoding: bytes[bounds[0]..<bounds[1]], as: UTF8.self))
    }
}

/// Comparison as Go's templates do it: only within one kind.
enum TemplateComparison {
    static func equal(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        switch (left.plain, right.plain) {
        case (.null, .null): return true
        case (.bool(let a), .bool(let b)): return a == b
        case (.integer(let a), .integer(let b)): return a == b
        case (.float(let a), .float(let b)): return a == b
        case (.string, .string), (.html, .html), (.string, .html), (.html, .string): return left.text == right.text
        case (.null, let other), (let other, .null):
            if isBasic(other) { throw TemplateError("incompatible types for comparison") }
            return false
        case (.list, _), (.map, _), (.function, _): throw nonComparable(left)
        case (_, .list), (_, .map), (_, .function): throw nonComparable(right)
        default: throw TemplateError("incompatible types for comparison")
        }
    }

    static func less(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        switch (left.plain, right.plain) {
        case (.integer(let a), .integer(let b)): return a < b
        case (.float(let a), .float(let b)): return a < b
        case (.string(let a), .string(let b)): return a.utf8.lexicographicallyPrecedes(b.utf8)
        case (.bool, .bool), (.null, _), (_, .null), (.list, _), (.map, _), (_, .list), (_, .map):
            throw TemplateError("invalid type for comparison")
        default: throw TemplateError("incompatible types for comparison")
        }
    }

    private static func isBasic(_ value: TemplateValue) -> Bool {
        switch value {
        case .bool, .integer, .float, .string, .html: true
        default: false
        }
    }

    private static func nonComparable(_ value: TemplateValue) -> TemplateError {
        TemplateError("non-comparable type \(GoFormat.text(value)): \(value.typeName)")
    }
}
