// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import GoTemplates
import PromQL
import RegularExpressions
import TimeSeries
import YAMLDocument

/// The functions of rule templates.
enum RuleFunctions {
    typealias QueryFunction = @Sendable (String) throws(RuleQueryError) -> [RuleSample]

    /// Enough to parse with.
    static let names = make(externalURL: "", now: Timestamp(milliseconds: 0)) { _ throws(RuleQueryError) in [] }

    static func make(
        externalURL: String,
        now: Timestamp,
        query: @escaping QueryFunction
    ) -> TemplateFunctions {
        var functions = common
        functions.add(
            TemplateFunction("query", arity: 1) { arguments throws(TemplateError) in
                let text = try arguments.string(0)
                do throws(RuleQueryError) {
                    return .list(try query(text).map { .object(TemplateSample($0)) })
                } catch {
                    throw TemplateError(error.message)
                }
            }
        )
        functions.add(TemplateFunction("externalURL", arity: 0) { _ in .string(externalURL) })
        functions.add(TemplateFunction("pathPrefix", arity: 0) { _ in .string(path(of: externalURL)) })
        functions.add(TemplateFunction("now", arity: 0) { _ in .float(now.seconds) })
        return functions
    }

    private static let common = TemplateFunctions([
        TemplateFunction("first", arity: 1) { arguments throws(TemplateError) in
            guard let first = try arguments.list(0).first else {
                throw TemplateError("first() called on vector with no elements")
            }
            return first
        },
        TemplateFunction("label", arity: 2) { arguments throws(TemplateError) in
            .string(try sample(arguments, 1).labels[try arguments.string(0)] ?? "")
        },
        TemplateFunction("value", arity: 1) { arguments throws(TemplateError) in .sample(try sample(arguments, 0).value)
        },
        TemplateFunction("strvalue", arity: 1) { arguments throws(TemplateError) in
            .string(try sample(arguments, 0).labels["__value__"] ?? "")
        },
        TemplateFunction("args", arity: 0...Int.max) { arguments in
            let pairs = arguments.values.enumerated().map { ("arg\($0)", $1) }
            return .map(TemplateMap(Dictionary(pairs, uniquingKeysWith: { first, _ in first })))
        },
        TemplateFunction("sortByLabel", arity: 2) { arguments throws(TemplateError) in
            let name = try arguments.string(0)
            var keyed: [(key: String, value: TemplateValue)] = []
            for element in try arguments.list(1) {
                keyed.append((try sample(TemplateArguments([element]), 0).labels[name] ?? "", element))
            }
            let sorted = keyed.enumerated().sorted { left, right in
                left.element.key == right.element.key
                    ? left.offset < right.offset
                    : left.element.key.utf8.lexicographicallyPrecedes(right.element.key.utf8)
            }
            return .list(sorted.map(\.element.value))
        },
        TemplateFunction("reReplaceAll", arity: 3) { arguments throws(TemplateError) in
            let expression = try compile(arguments.string(0))
            let (replacement, text) = (try arguments.string(1), try arguments.string(2))
            return .string(TemplateText.replaceAll(text, matching: expression, with: replacement))
        },
        TemplateFunction("match", arity: 2) { arguments throws(TemplateError) in
            let expression = try compile(arguments.string(0))
            return .bool(expression.firstMatch(in: Array(try arguments.string(1).utf8)) != nil)
        },
        TemplateFunction("title", arity: 1) { arguments throws(TemplateError) in
            .string(TemplateText.title(try arguments.string(0)))
        },
        TemplateFunction("toUpper", arity: 1) { arguments throws(TemplateError) in
            .string(try arguments.string(0).uppercased())
        },
        TemplateFunction("toLower", arity: 1) { arguments throws(TemplateError) in
            .string(try arguments.string(0).lowercased())
        },
        TemplateFunction("safeHtml", arity: 1) { arguments throws(TemplateError) in .html(try arguments.string(0)) },
        TemplateFunction("graphLink", arity: 1) { arguments throws(TemplateError) in
            .string(RuleLinks.graph(try arguments.string(0)))
        },
        TemplateFunction("tableLink", arity: 1) { arguments throws(TemplateError) in
            .string(RuleLinks.table(try arguments.string(0)))
        },
        TemplateFunction("stripPort", arity: 1) { arguments throws(TemplateError) in
            .string(TemplateText.stripPort(try arguments.string(0)))
        },
        TemplateFunction("stripDomain", arity: 1) { arguments throws(TemplateError) in
            .string(TemplateText.stripDomain(try arguments.string(0)))
        },
        TemplateFunction("humanize", arity: 1) { arguments throws(TemplateError) in
            .string(Humanize.decimal(try number(arguments[0])))
        },
        TemplateFunction("humanize1024", arity: 1) { arguments throws(TemplateError) in
            .string(Humanize.binary(try number(arguments[0])))
        },
        TemplateFunction("humanizeDuration", arity: 1) { arguments throws(TemplateError) in
            .string(Humanize.duration(try number(arguments[0])))
        },
        TemplateFunction("humanizePercentage", arity: 1) { arguments throws(TemplateError) in
            .string(Humanize.percentage(try number(arguments[0])))
        },
        TemplateFunction("humanizeTimestamp", arity: 1) { arguments throws(TemplateError) in
            .string(try Humanize.timestamp(try number(arguments[0])))
        },
        TemplateFunction("toTime", arity: 1) { arguments throws(TemplateError) in
            .object(try TemplateTime(seconds: number(arguments[0])))
        },
        TemplateFunction("toDuration", arity: 1) { arguments throws(TemplateError) in
            .string(try TemplateText.goDuration(seconds: number(arguments[0])))
        },
        TemplateFunction("parseDuration", arity: 1) { arguments throws(TemplateError) in
            let text = try arguments.string(0)
            guard let milliseconds = PrometheusDuration.milliseconds(text) else {
                let quoted = GoText.quote(text)
                throw TemplateError(text.isEmpty ? "empty duration string" : "not a valid duration string: \(quoted)")
            }
            return .float(Double(milliseconds) / 1000)
        },
        TemplateFunction("urlQueryEscape", arity: 1) { arguments throws(TemplateError) in
            .string(TemplateEscape.query(try arguments.string(0)))
        },
    ])

    private static func compile(_ pattern: String) throws(TemplateError) -> RegularExpression {
        do throws(RegularExpressionError) {
            return try RegularExpression(pattern, dotMatchesNewline: false)
        } catch {
            throw TemplateError(error.goDescription)
        }
    }

    private static func sample(_ arguments: TemplateArguments, _ index: Int) throws(TemplateError) -> RuleSample {
        if case .object(let object) = arguments[index], let sample = object as? TemplateSample { return sample.sample }
        throw arguments.wrong("*template.sample", index)
    }

    /// A number however it comes: samples' values, literals, and text that reads as a number.
    private static func number(_ value: TemplateValue) throws(TemplateError) -> Double {
        switch value.plain {
        case .float(let number): return number
        case .integer(let number): return Double(number)
        case .string(let text):
            if let number = TemplateText.float(text) { return number }
            throw TemplateError("strconv.ParseFloat: parsing \(GoText.quote(text)): invalid syntax")
        default: throw TemplateError("can't convert \(value.typeName) to float")
        }
    }

    private static func path(of url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return url.hasPrefix("/") ? url : "" }
        guard let slash = url[scheme.upperBound...].firstIndex(of: "/") else { return "" }
        return String(url[slash...].prefix { $0 != "?" && $0 != "#" })
    }
}

/// A sample as templates see it: `.Labels`, `.Value`.
struct TemplateSample: TemplateObject {
    let sample: RuleSample

    init(_ sample: RuleSample) { self.sample = sample }

    var typeName: String { "*template.sample" }
    var plain: TemplateValue { .object(self) }

    func member(_ name: String, _ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "Labels": .texts(sample.labels.pairs)
        case "Value": .sample(sample.value)
        default: nil
        }
    }
}

extension TemplateValue {
    static func sample(_ value: SampleValue) -> TemplateValue {
        switch value {
        case .float(let number): .float(number)
        case .histogram(let histogram): .string(histogram.seriesNotation)
        }
    }
}
