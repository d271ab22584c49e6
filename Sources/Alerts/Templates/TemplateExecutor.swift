// SPDX-License-Identifier: Apache-2.0

import GoFormatting

/// Runs parsed nodes against data. Every loop and every call is paid for from one budget.
struct TemplateExecutor {
    private enum Flow { case normal, leave, proceed }

    private let template: Template
    private let functions: TemplateFunctions
    private let limits: Template.Limits
    private let root: TemplateValue
    private var running: String
    private var variables: [(name: String, value: TemplateValue)]
    private var steps = 0
    private var depth = 0
    private(set) var output = ""

    init(_ template: Template, functions: TemplateFunctions, limits: Template.Limits, data: TemplateValue, name: String)
    {
        self.template = template
        self.functions = functions
        self.limits = limits
        root = data
        running = name
        variables = [("$", data)]
    }

    mutating func run(_ nodes: [TemplateNode]) throws(TemplateError) { _ = try walk(nodes, dot: root) }

    // MARK: Nodes

    private mutating func step() throws(TemplateError) {
        steps += 1
        guard steps <= limits.steps else { throw TemplateError("more than \(limits.steps) steps") }
    }

    private mutating func write(_ text: String) throws(TemplateError) {
        guard output.utf8.count + text.utf8.count <= limits.outputBytes else {
            throw TemplateError("output longer than \(limits.outputBytes) bytes")
        }
        output += text
    }

    private func placed(_ error: TemplateError, _ position: TemplatePosition) -> TemplateError {
        error.placed(template: template.name, executing: running, at: position)
    }

    private mutating func walk(_ nodes: [TemplateNode], dot: TemplateValue) throws(TemplateError) -> Flow {
        for node in nodes {
            try step()
            switch node {
            case .text(let text): try write(text)
            case .action(let pipeline):
                let value = try evaluate(pipeline, dot: dot)
                guard pipeline.variables.isEmpty else { continue }
                let text = value.printed
                if limits.escapesHTML, case .html = value {
                    try write(text)
                } else {
                    try write(limits.escapesHTML ? TemplateEscape.html(text) : text)
                }
            case .condition(let branch):
                let flow = try choose(branch, dot: dot, changesDot: false)
                if flow != .normal { return flow }
            case .with(let branch):
                let flow = try choose(branch, dot: dot, changesDot: true)
                if flow != .normal { return flow }
            case .range(let branch):
                let flow = try iterate(branch, dot: dot)
                if flow != .normal { return flow }
            case .template(let name, let pipeline, let position):
                try invoke(name, pipeline, position, dot: dot)
            case .leave: return .leave
            case .proceed: return .proceed
            }
        }
        return .normal
    }

    private mutating func choose(_ branch: TemplateBranch, dot: TemplateValue, changesDot: Bool) throws(TemplateError)
        -> Flow
    {
        let mark = variables.count
        defer { variables.removeLast(variables.count - mark) }
        let value = try evaluate(branch.pipeline, dot: dot)
        if value.isTrue { return try walk(branch.body, dot: changesDot ? value : dot) }
        return try walk(branch.otherwise ?? [], dot: dot)
    }

    private mutating func iterate(_ branch: TemplateBranch, dot: TemplateValue) throws(TemplateError) -> Flow {
        let mark = variables.count
        defer { variables.removeLast(variables.count - mark) }
        let value = try evaluate(branch.pipeline, dot: dot, binds: false)
        var items: [(key: TemplateValue, value: TemplateValue)]
        switch value.plain {
        case .list(let elements): items = elements.enumerated().map { (.integer(Int64($0)), $1) }
        case .map(let map): items = map.sortedKeys.map { (.string($0), map.values[$0] ?? .null) }
        case .integer(let count):
            guard count <= Int64(limits.steps) else {
                throw placed(TemplateError("range over \(count) is too long"), branch.pipeline.position)
            }
            items = count > 0 ? (0..<count).map { (.integer($0), .integer($0)) } : []
        case .null: items = []
        case let other:
            let message = "range can't iterate over \(GoFormat.text(other))"
            throw placed(TemplateError(message), branch.pipeline.position)
        }
        guard !items.isEmpty else { return try walk(branch.otherwise ?? [], dot: dot) }
        let names = branch.pipeline.variables
        for item in items {
            try step()
            let inner = variables.count
            defer { variables.removeLast(variables.count - inner) }
            if names.count == 2 {
                bind(names[0], item.key, isAssignment: branch.pipeline.isAssignment)
                bind(names[1], item.value, isAssignment: branch.pipeline.isAssignment)
            } else if let name = names.first {
                bind(name, item.value, isAssignment: branch.pipeline.isAssignment)
            }
            if try walk(branch.body, dot: item.value) == .leave { break }
        }
        return .normal
    }

    private mutating func invoke(
        _ name: String,
        _ pipeline: TemplatePipeline?,
        _ position: TemplatePosition,
        dot: TemplateValue
    ) throws(TemplateError) {
        guard let nodes = template.definitions[name] else {
            throw placed(TemplateError("template \(GoText.quote(name)) not defined"), position)
        }
        guard depth < limits.depth else {
            throw placed(TemplateError("exceeded maximum template depth (\(limits.depth))"), position)
        }
        let data: TemplateValue = if let pipeline { try evaluate(pipeline, dot: dot) } else { .null }
        let (outerVariables, outerName) = (variables, running)
        variables = [("$", data)]
        running = name
        depth += 1
        _ = try walk(nodes, dot: data)
        depth -= 1
        variables = outerVariables
        running = outerName
    }

    private mutating func bind(_ name: String, _ value: TemplateValue, isAssignment: Bool) {
        if isAssignment, let index = variables.lastIndex(where: { $0.name == name }) {
            variables[index].value = value
        } else {
            variables.append((name, value))
        }
    }

    // MARK: Pipelines

    private mutating func evaluate(
        _ pipeline: TemplatePipeline,
        dot: TemplateValue,
        binds: Bool = true
    ) throws(TemplateError) -> TemplateValue {
        var value: TemplateValue?
        for command in pipeline.commands { value = try evaluate(command, dot: dot, final: value) }
        let result = value ?? .null
        if binds {
            for name in pipeline.variables { bind(name, result, isAssignment: pipeline.isAssignment) }
        }
        return result
    }

    private mutating func evaluate(
        _ command: TemplateCommand,
        dot: TemplateValue,
        final: TemplateValue?
    ) throws(TemplateError) -> TemplateValue {
        try step()
        guard let head = command.words.first else { return .null }
        let rest = command.words.dropFirst()
        switch head.operand {
        case .function(let name): return try call(name, rest, command, head, dot: dot, final: final)
        case .field(let names): return try access(dot, names, rest, head, dot: dot, final: final)
        case .variable(let name, let fields):
            let value = variable(name)
            if fields.isEmpty {
                try refuseArguments(rest, final, head)
                return value
            }
            return try access(value, fields, rest, head, dot: dot, final: final)
        case .chain(let word, let fields):
            let value = try evaluate(word, dot: dot)
            return try access(value, fields, rest, head, dot: dot, final: final)
        case .null: throw placed(TemplateError("nil is not a command"), head.position)
        default:
            try refuseArguments(rest, final, head)
            return try evaluate(head, dot: dot)
        }
    }

    private func refuseArguments(
        _ words: ArraySlice<TemplateWord>,
        _ final: TemplateValue?,
        _ head: TemplateWord
    ) throws(TemplateError) {
        guard words.isEmpty, final == nil else {
            throw placed(TemplateError("can't give argument to non-function \(head.position.text)"), head.position)
        }
    }

    private func variable(_ name: String) -> TemplateValue {
        variables.last { $0.name == name }?.value ?? .null
    }

    /// An operand standing as an argument.
    private mutating func evaluate(_ word: TemplateWord, dot: TemplateValue) throws(TemplateError) -> TemplateValue {
        try step()
        switch word.operand {
        case .dot: return dot
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .character(let value): return .integer(value)
        case .string(let text): return .string(text)
        case .number(let number):
            if let integer = number.integer { return .integer(integer) }
            if number.text.utf8.contains(where: { ".eEpP".utf8.contains($0) }) { return .float(number.float) }
            throw placed(TemplateError("\(number.text) overflows int"), word.position)
        case .field(let names): return try access(dot, names, [], word, dot: dot, final: nil)
        case .variable(let name, let fields):
            let value = variable(name)
            return fields.isEmpty ? value : try access(value, fields, [], word, dot: dot, final: nil)
        case .function(let name):
            let command = TemplateCommand(position: word.position, words: [word])
            return try call(name, [], command, word, dot: dot, final: nil)
        case .pipeline(let pipeline): return try evaluate(pipeline, dot: dot)
        case .chain(let inner, let fields):
            return try access(try evaluate(inner, dot: dot), fields, [], word, dot: dot, final: nil)
        }
    }

    // MARK: Fields and calls

    private mutating func access(
        _ value: TemplateValue,
        _ names: [String],
        _ words: ArraySlice<TemplateWord>,
        _ head: TemplateWord,
        dot: TemplateValue,
        final: TemplateValue?
    ) throws(TemplateError) -> TemplateValue {
        var value = value
        for (index, name) in names.enumerated() {
            var arguments: [TemplateValue] = []
            if index == names.count - 1 {
                for word in words { arguments.append(try evaluate(word, dot: dot)) }
                if let final { arguments.append(final) }
            }
            do throws(TemplateError) {
                value = try member(of: value, name, arguments)
            } catch {
                throw placed(error, head.position)
            }
        }
        return value
    }

    private func member(
        of value: TemplateValue,
        _ name: String,
        _ arguments: [TemplateValue]
    ) throws(TemplateError) -> TemplateValue {
        switch value {
        case .null: throw TemplateError("nil pointer evaluating interface {}.\(name)")
        case .object(let object):
            if let result = try object.member(name, arguments) { return result }
            if case .map(let map) = object.plain, arguments.isEmpty { return map.values[name] ?? map.missing }
        case .map(let map):
            guard arguments.isEmpty else { throw TemplateError("\(name) is not a method but has arguments") }
            return map.values[name] ?? map.missing
        default: break
        }
        throw TemplateError("can't evaluate field \(name) in type \(value.typeName)")
    }

    private mutating func call(
        _ name: String,
        _ words: ArraySlice<TemplateWord>,
        _ command: TemplateCommand,
        _ head: TemplateWord,
        dot: TemplateValue,
        final: TemplateValue?
    ) throws(TemplateError) -> TemplateValue {
        guard let function = functions[name] else {
            throw placed(TemplateError("\(GoText.quote(name)) is not a defined function"), head.position)
        }
        let count = words.count + (final == nil ? 0 : 1)
        guard function.arity.contains(count) else {
            let isOpen = function.arity.upperBound == .max
            let wanted = isOpen ? "at least \(function.arity.lowerBound)" : "\(function.arity.lowerBound)"
            let message = "wrong number of args for \(name): want \(wanted) got \(count)"
            throw placed(TemplateError(message), head.position)
        }
        if name == "and" || name == "or" { return try decide(name == "or", words, dot: dot, final: final) }
        var arguments: [TemplateValue] = []
        arguments.reserveCapacity(count)
        for word in words { arguments.append(try evaluate(word, dot: dot)) }
        if let final { arguments.append(final) }
        do throws(TemplateError) {
            return try function.body(TemplateArguments(arguments))
        } catch {
            var error = error
            // What Go's type checker says carries no "error calling".
            if error.phase == .unplaced, !error.message.hasPrefix("wrong type for value") {
                error.message = "error calling \(name): " + error.message
            }
            throw placed(error, command.position)
        }
    }

    /// `and` gives the first untrue value or the last; `or` the first true one or the last.
    private mutating func decide(
        _ stopsAtTrue: Bool,
        _ words: ArraySlice<TemplateWord>,
        dot: TemplateValue,
        final: TemplateValue?
    ) throws(TemplateError) -> TemplateValue {
        var value = TemplateValue.null
        for word in words {
            value = try evaluate(word, dot: dot)
            if value.isTrue == stopsAtTrue { return value }
        }
        return final ?? value
    }
}
