// SPDX-License-Identifier: Apache-2.0

package import Calendar
import GoTemplates
import TimeSeries

/// The texts of receivers: Go templates over Alertmanager's data, with its default definitions and the user's files.
package struct NotificationTemplates: Sendable {
    /// A `templates:` file as read.
    package struct File: Hashable, Sendable {
        package var name: String
        package var text: String

        package init(name: String, text: String) {
            self.name = name
            self.text = text
        }
    }

    /// Why a text could not be made.
    package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    private let files: [File]
    private let functions: TemplateFunctions
    /// Compiled once, when the configuration is read.
    private var compiled: [String: Template] = [:]

    package init(files: [File] = [], zones: @escaping @Sendable (String) -> TimeZoneRules? = { _ in nil }) {
        self.files = files
        var functions = TemplateFunctions(NotificationFunctions.table(zones: zones))
        for function in NotificationFunctions.clock(at: Timestamp(milliseconds: 0)) { functions.add(function) }
        self.functions = functions
    }

    /// Compiles a text ahead of its use; the error names template and line.
    package mutating func prepare(_ text: String) throws(Failure) {
        guard compiled[text] == nil, Self.isTemplate(text) else { return }
        compiled[text] = try compile(text)
    }

    /// Checks the files by themselves.
    package func check() throws(Failure) { _ = try compile("") }

    private func compile(_ text: String) throws(Failure) -> Template {
        do throws(TemplateError) {
            var template = try Template(text, name: "", functions: functions)
            try template.add(DefaultTemplates.text, name: "default.tmpl", functions: functions)
            for file in files { try template.add(file.text, name: file.name, functions: functions) }
            return template
        } catch {
            throw Failure(description: error.description)
        }
    }

    func expand(_ text: String, _ notification: AlertNotification, escapesHTML: Bool = false) throws(Failure) -> String
    {
        guard Self.isTemplate(text) else { return text }
        let template = if let ready = compiled[text] { ready } else { try compile(text) }
        var functions = functions
        for function in NotificationFunctions.clock(at: notification.createdAt) { functions.add(function) }
        var limits = Template.Limits()
        limits.escapesHTML = escapesHTML
        do throws(TemplateError) {
            return try template.execute(TemplateData.value(notification), functions: functions, limits: limits)
        } catch {
            throw Failure(description: error.description)
        }
    }

    private static func isTemplate(_ text: String) -> Bool { text.contains("{{") }
}
