// SPDX-License-Identifier: Apache-2.0

/// A parsed piece of a template.
indirect enum TemplateNode: Sendable {
    case text(String)
    case action(TemplatePipeline)
    case condition(TemplateBranch)
    case with(TemplateBranch)
    case range(TemplateBranch)
    case template(name: String, TemplatePipeline?, TemplatePosition)
    case leave
    case proceed

    /// Nothing but white space: such a definition does not replace an earlier one.
    var isBlank: Bool {
        if case .text(let text) = self {
            text.utf8.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) }
        } else {
            false
        }
    }
}

/// `if`, `with` or `range` with both ways out.
struct TemplateBranch: Sendable {
    var pipeline: TemplatePipeline
    var body: [TemplateNode]
    var otherwise: [TemplateNode]?
}

/// Commands joined by `|`, perhaps bound to variables.
struct TemplatePipeline: Sendable {
    var position: TemplatePosition
    var isAssignment = false
    var variables: [String] = []
    var commands: [TemplateCommand] = []

    var text: String {
        let bound = variables.isEmpty ? "" : variables.joined(separator: ", ") + (isAssignment ? " = " : " := ")
        return bound + commands.map(\.position.text).joined(separator: " | ")
    }
}

struct TemplateCommand: Sendable {
    var position: TemplatePosition
    var words: [TemplateWord]
}

/// An operand with its place.
struct TemplateWord: Sendable {
    indirect enum Operand: Sendable {
        case dot, null
        case bool(Bool)
        case number(TemplateNumber)
        case character(Int64)
        case string(String)
        case field([String])
        case variable(String, fields: [String])
        case function(String)
        case pipeline(TemplatePipeline)
        case chain(TemplateWord, fields: [String])
    }

    var operand: Operand
    var position: TemplatePosition
}
