// SPDX-License-Identifier: Apache-2.0

import GoFormatting

/// A parsed template with the templates it may call: Go's text/template, as rule files and notification templates use it.
///
/// ```swift
/// let template = try Template("{{ .name | printf \"%q\" }}", name: "greeting")
/// let text = try template.execute(.texts([("name", "booking")]))
/// ```
package struct Template: Sendable {
    package struct Limits: Sendable {
        package var outputBytes = 1 << 20
        package var steps = 1_000_000
        package var depth = 100
        /// Escapes what actions print for HTML text and attributes, except what `safeHtml` made.
        package var escapesHTML = false

        package init() {}
    }

    /// Longer sources are refused.
    package static let sourceLimit = 1 << 20

    package let name: String
    private var body: [TemplateNode]
    private(set) var definitions: [String: [TemplateNode]] = [:]

    /// Parses `text`. Functions are known by name here and given again to `execute`.
    package init(_ text: String, name: String, functions: TemplateFunctions = .builtins) throws(TemplateError) {
        self.name = name
        body = []
        body = try parse(text, name: name, functions: functions)
    }

    /// Adds the definitions of another text, as a further template file does; a later one replaces an earlier one.
    package mutating func add(
        _ text: String,
        name: String,
        functions: TemplateFunctions = .builtins
    ) throws(TemplateError) {
        _ = try parse(text, name: name, functions: functions)
    }

    /// The names that `{{template}}` can call.
    package var definedNames: [String] { definitions.keys.sorted() }

    /// Runs the template's own body, or the definition called `definition`.
    package func execute(
        _ data: TemplateValue,
        functions: TemplateFunctions = .builtins,
        definition: String? = nil,
        limits: Limits = Limits()
    ) throws(TemplateError) -> String {
        var nodes = body
        if let definition {
            guard let defined = definitions[definition] else {
                throw TemplateError("template \(GoText.quote(definition)) not defined")
            }
            nodes = defined
        }
        var executor = TemplateExecutor(
            self,
            functions: functions,
            limits: limits,
            data: data,
            name: definition ?? name
        )
        do throws(TemplateError) {
            try executor.run(nodes)
        } catch {
            let place = TemplatePosition(line: 1, column: 0, text: definition ?? name)
            throw error.placed(template: name, executing: definition ?? name, at: place)
        }
        return executor.output
    }

    private mutating func parse(
        _ text: String,
        name: String,
        functions: TemplateFunctions
    ) throws(TemplateError) -> [TemplateNode] {
        guard text.utf8.count <= Self.sourceLimit else {
            throw TemplateError(parsing: name, line: 1, column: 0, "longer than \(Self.sourceLimit) bytes")
        }
        var parser = try TemplateParser(text, name: name, functions: functions)
        let nodes = try parser.parse()
        for (title, body) in parser.definitions {
            if definitions[title] != nil, body.allSatisfy(\.isBlank) { continue }
            definitions[title] = body
        }
        return nodes
    }
}
