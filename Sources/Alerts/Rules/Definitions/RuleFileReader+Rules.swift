// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import GoTemplates
import PromQL
import YAMLDocument

extension RuleFileReader {
    /// One rule, all its faults reported. nil when it cannot run.
    func rule(_ node: YAMLNode, group: RuleGroupDefinition, number: Int) -> RuleDefinition? {
        let fields = fields(node, known: Self.ruleKeys, type: "rulefmt.Rule")
        let record = fields["record"].flatMap { text($0) } ?? ""
        let alert = fields["alert"].flatMap { text($0) } ?? ""
        let context = Context(group: group.name, number: number, name: alert.isEmpty ? record : alert)
        let recordNode = fields["record"] ?? node
        if !record.isEmpty, !alert.isEmpty {
            report(recordNode, context.prefix + "only one of 'record' and 'alert' must be set")
        }
        if record.isEmpty, alert.isEmpty { report(node, context.prefix + "one of 'record' or 'alert' must be set") }
        let query = query(fields["expr"], at: node, field: "expr", context)
        let holdDuration = fields["for"].flatMap { duration($0) } ?? .zero
        let keepFiringFor = fields["keep_firing_for"].flatMap { duration($0) } ?? .zero
        let labels = fields["labels"].map { self.labels($0, prefix: context.prefix) } ?? []
        let annotations = fields["annotations"].map { pairs($0) } ?? []
        for pair in annotations where pair.name.isEmpty {
            report(pair.key, "\(context.prefix)invalid annotation name: \(pair.name)")
        }
        if !record.isEmpty {
            if !annotations.isEmpty {
                report(recordNode, context.prefix + "invalid field 'annotations' in recording rule")
            }
            if holdDuration != .zero { report(recordNode, context.prefix + "invalid field 'for' in recording rule") }
            if keepFiringFor != .zero {
                report(recordNode, context.prefix + "invalid field 'keep_firing_for' in recording rule")
            }
            if record.utf8.contains(where: { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") }) {
                let message = "braces present in the recording rule name; should it be in expr?: \(record)"
                report(recordNode, context.prefix + message)
            }
        }
        if !alert.isEmpty {
            for pair in labels { check(template: pair, "label", alert: alert, context) }
            for pair in annotations { check(template: pair, "annotation", alert: alert, context) }
        }
        var extensions = RuleExtensions()
        if let node = fields["x_sidecar"] {
            extensions = self.extensions(node, query: query, isRecording: !record.isEmpty, context)
        }
        guard let query, !context.name.isEmpty else { return nil }
        var merged = group.labels
        for label in labels {
            merged.removeAll { $0.name == label.name }
            merged.append((label.name, label.value))
        }
        var rule = RuleDefinition(
            kind: alert.isEmpty ? .recording : .alerting,
            name: context.name,
            query: query,
            line: node.line,
            column: node.column
        )
        rule.holdDuration = holdDuration
        rule.keepFiringFor = keepFiringFor
        rule.labels = merged.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        rule.annotations = annotations.map { ($0.name, $0.value) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        rule.extensions = extensions
        return rule
    }

    func query(_ node: YAMLNode?, at rule: YAMLNode, field: String, _ context: Context) -> RuleQuery? {
        guard let node, let text = text(node), !text.isEmpty else {
            report(node ?? rule, "\(context.prefix)field '\(field)' must be set in rule")
            return nil
        }
        do throws(ParseError) {
            return try RuleQuery(text, options: ParserOptions(features: options.features))
        } catch {
            report(node, "\(context.prefix)could not parse expression: \(error)")
            return nil
        }
    }

    private func check(
        template pair: (name: String, value: String, key: YAMLNode, node: YAMLNode),
        _ kind: String,
        alert: String,
        _ context: Context
    ) {
        do throws(TemplateError) {
            _ = try RuleTemplate(pair.value, alert: alert)
        } catch {
            report(pair.node, "\(context.prefix)\(kind) \(GoText.quote(pair.name)): \(error)")
        }
    }

    private func extensions(
        _ node: YAMLNode,
        query: RuleQuery?,
        isRecording: Bool,
        _ context: Context
    ) -> RuleExtensions {
        var extensions = RuleExtensions()
        if isRecording {
            report(node, context.prefix + "invalid field 'x_sidecar' in recording rule")
            return extensions
        }
        guard let reader = YAMLMappingReader(node, file: file, path: "x_sidecar", problems: problems) else {
            return extensions
        }
        extensions.onNoData = reader.choice("on_no_data") ?? .hold
        extensions.holdMaximum = reader.duration("hold_max") ?? extensions.holdMaximum
        if let expression = reader.value("resolve_expr") {
            extensions.resolveQuery = self.query(expression, at: node, field: "resolve_expr", context)
        }
        if let events = reader.value("min_events") {
            extensions.minimumEvents = minimumEvents(events, reader, query: query, context)
        }
        extensions.dependsOn = reader.strings("depends_on", orSingle: true) ?? []
        extensions.settle = reader.duration("settle") ?? extensions.settle
        if let flap = reader.mapping("flap_detection") {
            extensions.flapDetection = RuleExtensions.FlapDetection(
                transitions: flap.integer("transitions", in: 2...1000) ?? 6,
                window: flap.duration("window", atLeast: .seconds(1)) ?? .seconds(600)
            )
            flap.finish()
        }
        reader.finish()
        return extensions
    }

    /// A number, or a number with the expression that counts: `{count: 20, expr: sum(increase(x_total[5m]))}`.
    private func minimumEvents(
        _ node: YAMLNode,
        _ reader: YAMLMappingReader,
        query: RuleQuery?,
        _ context: Context
    ) -> RuleExtensions.MinimumEvents? {
        if let mapping = YAMLNode.mappingReader(node, of: reader, path: "x_sidecar.min_events") {
            defer { mapping.finish() }
            guard let count = mapping.number("count", in: 0...1e15) else {
                if mapping.value("count") == nil { mapping.missing("count") }
                return nil
            }
            let query = self.query(mapping.value("expr"), at: node, field: "expr", context)
            return query.map { RuleExtensions.MinimumEvents(query: $0, count: count) }
        }
        guard let count = reader.number("min_events", in: 0...1e15), let query else { return nil }
        guard let text = RuleQuery.denominatorAsCount(of: query),
            let counting = try? RuleQuery(text, options: ParserOptions(features: options.features))
        else {
            report(
                node,
                "\(context.prefix)min_events as a bare number needs an expression of the form a / b; give {count, expr}"
            )
            return nil
        }
        return RuleExtensions.MinimumEvents(query: counting, count: count)
    }
}

extension YAMLNode {
    fileprivate static func mappingReader(_ node: YAMLNode, of reader: YAMLMappingReader, path: String)
        -> YAMLMappingReader?
    {
        node.entries == nil ? nil : reader.mapping(node, path: path)
    }
}

extension RuleQuery {
    /// The right side of the first division, with `increase` for `rate`: how many events the ratio rests on.
    static func denominatorAsCount(of query: RuleQuery) -> String? {
        guard let node = firstDivision(in: query.expression, depth: 0) else { return nil }
        let bytes = Array(query.text.utf8)
        let range = node.right.range.clamped(to: 0..<bytes.count)
        var out: [UInt8] = []
        var index = range.lowerBound
        let rate = Array("rate".utf8)
        while index < range.upperBound {
            let isWord =
                index > range.lowerBound
                && (bytes[index - 1] | 0x20 >= 0x61 && bytes[index - 1] | 0x20 <= 0x7A || bytes[index - 1] == 0x5F
                    || bytes[index - 1] == 0x3A || (0x30...0x39).contains(bytes[index - 1]))
            let end = index + rate.count
            if !isWord, end < range.upperBound, Array(bytes[index..<end]) == rate,
                bytes[end...].first(where: { $0 > 0x20 }) == UInt8(ascii: "(")
            {
                out += Array("increase".utf8)
                index = end
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func firstDivision(in expression: Expression, depth: Int) -> BinaryOperation? {
        guard depth < 200 else { return nil }
        if case .binary(let node) = expression, node.operation.rawValue == "/" { return node }
        for child in expression.children {
            if let found = firstDivision(in: child, depth: depth + 1) { return found }
        }
        return nil
    }
}
