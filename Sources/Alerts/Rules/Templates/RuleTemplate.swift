// SPDX-License-Identifier: Apache-2.0

import GoTemplates
import TimeSeries

/// The text of a label or an annotation, which may be a template.
struct RuleTemplate: Sendable {
    private enum Content: Sendable {
        case text(String)
        case template(Template)
        /// Kept for rules whose files are not checked first; the error stands where the text would.
        case broken(String)
    }

    /// What Prometheus puts in front of every template of a rule, and what makes columns in messages what they are.
    private static let definitions =
        "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"

    private let content: Content

    /// Throws when the text is no template.
    init(_ text: String, alert: String) throws(TemplateError) {
        content = try Self.parse(text, alert: alert)
    }

    init(checked text: String, alert: String) {
        do throws(TemplateError) {
            content = try Self.parse(text, alert: alert)
        } catch {
            content = .broken("<error expanding template: error parsing template __alert_\(alert): \(error)>")
        }
    }

    private static func parse(_ text: String, alert: String) throws(TemplateError) -> Content {
        guard text.utf8.contains(UInt8(ascii: "{")) else { return .text(text) }
        return .template(try Template(definitions + text, name: "__alert_" + alert, functions: RuleFunctions.names))
    }

    var isPlain: Bool { if case .text = content { true } else { false } }

    /// The text for one alert. A failure is not thrown: it is the text, in Prometheus's words.
    func expand(_ data: TemplateValue, functions: TemplateFunctions) -> String {
        switch content {
        case .text(let text), .broken(let text): return text
        case .template(let template):
            var limits = Template.Limits()
            limits.outputBytes = 64 << 10
            limits.steps = 100_000
            do throws(TemplateError) {
                return try template.execute(data, functions: functions, limits: limits)
            } catch {
                return "<error expanding template: error executing template \(template.name): \(error)>"
            }
        }
    }

    /// The data that templates of an alerting rule see.
    static func data(
        labels: Labels,
        value: SampleValue,
        external: [(name: String, value: String)],
        externalURL: String
    ) -> TemplateValue {
        .object(
            AlertTemplateData(
                labels: .texts(labels.pairs),
                externalLabels: .texts(external),
                externalURL: externalURL,
                value: .sample(value)
            )
        )
    }
}

/// `.Labels`, `.ExternalLabels`, `.ExternalURL`, `.Value`.
private struct AlertTemplateData: TemplateObject {
    let labels: TemplateValue
    let externalLabels: TemplateValue
    let externalURL: String
    let value: TemplateValue

    var typeName: String { "struct" }
    var plain: TemplateValue { .object(self) }

    func member(_ name: String, _ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue? {
        let field: TemplateValue?
        switch name {
        case "Labels": field = labels
        case "ExternalLabels": field = externalLabels
        case "ExternalURL": field = .string(externalURL)
        case "Value": field = value
        default: field = nil
        }
        if field != nil, !arguments.isEmpty {
            throw TemplateError("\(name) has arguments but cannot be invoked as function")
        }
        return field
    }
}
