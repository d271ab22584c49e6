// SPDX-License-Identifier: Apache-2.0

import Calendar
import GoFormatting
import GoTemplates
import JSONDocument
import RegularExpressions
import TimeSeries

/// Alertmanager's template functions.
enum NotificationFunctions {
    static func table(zones: @escaping @Sendable (String) -> TimeZoneRules?) -> [TemplateFunction] {
        texts + encodings + collections + times(zones: zones)
    }

    private static let texts = [
        TemplateFunction("toUpper", arity: 1) { arguments throws(TemplateError) in
            .string(try arguments.string(0).uppercased())
        },
        TemplateFunction("toLower", arity: 1) { arguments throws(TemplateError) in
            .string(try arguments.string(0).lowercased())
        },
        TemplateFunction("title", arity: 1) { arguments throws(TemplateError) in .string(title(try arguments.string(0)))
        },
        TemplateFunction("trimSpace", arity: 1) { arguments throws(TemplateError) in
            .string(trimmed(try arguments.string(0)))
        },
        TemplateFunction("join", arity: 2) { arguments throws(TemplateError) in
            let separator = try arguments.string(0)
            return .string(try arguments.list(1).map(\.printed).joined(separator: separator))
        },
        TemplateFunction("match", arity: 2) { arguments throws(TemplateError) in
            let expression = try compile(try arguments.string(0))
            return .bool(expression.firstMatch(in: Array(try arguments.string(1).utf8)) != nil)
        },
        TemplateFunction("safeHtml", arity: 1) { arguments throws(TemplateError) in .html(try arguments.string(0)) },
        TemplateFunction("safeUrl", arity: 1) { arguments throws(TemplateError) in .html(try arguments.string(0)) },
        TemplateFunction("urlUnescape", arity: 1) { arguments throws(TemplateError) in
            guard let text = unescaped(try arguments.string(0)) else { throw TemplateError("invalid URL escape") }
            return .string(text)
        },
        TemplateFunction("reReplaceAll", arity: 3) { arguments throws(TemplateError) in
            let expression = try compile(try arguments.string(0))
            return .string(replaceAll(expression, with: try arguments.string(1), in: try arguments.string(2)))
        },
        TemplateFunction("stringSlice", arity: 0...Int.max) { arguments in .list(arguments.values) },
    ]

    private static let encodings = [
        TemplateFunction("toJson", arity: 1) { arguments throws(TemplateError) in
            var writer = JSONWriter()
            write(arguments[0], to: &writer, depth: 0)
            return .string(String(decoding: writer.bytes, as: UTF8.self))
        },
        TemplateFunction("base64encode", arity: 1) { arguments throws(TemplateError) in
            .string(Digest.base64(Array(try arguments.string(0).utf8)))
        },
        TemplateFunction("base64decode", arity: 1) { arguments throws(TemplateError) in
            guard let bytes = Digest.fromBase64(try arguments.string(0)) else {
                throw TemplateError("illegal base64 data")
            }
            return .string(String(decoding: bytes, as: UTF8.self))
        },
    ]

    private static let collections = [
        TemplateFunction("list", arity: 0...Int.max) { arguments in .list(arguments.values) },
        TemplateFunction("append", arity: 1...Int.max) { arguments throws(TemplateError) in
            .list(try arguments.list(0) + arguments.values.dropFirst())
        },
        TemplateFunction("dict", arity: 0...Int.max) { arguments throws(TemplateError) in
            guard arguments.count % 2 == 0 else { throw TemplateError("dict expects an even number of arguments") }
            var values: [String: TemplateValue] = [:]
            for index in stride(from: 0, to: arguments.count, by: 2) {
                values[try arguments.string(index)] = arguments[index + 1]
            }
            return .map(TemplateMap(values))
        },
    ]

    private static func times(zones: @escaping @Sendable (String) -> TimeZoneRules?) -> [TemplateFunction] {
        [
            TemplateFunction("date", arity: 2) { arguments throws(TemplateError) in
                .string(try time(arguments, 1).format(try arguments.string(0)))
            },
            TemplateFunction("tz", arity: 2) { arguments throws(TemplateError) in
                let name = try arguments.string(0)
                let zone = name == "UTC" || name.isEmpty ? TimeZoneRules.utc : zones(name)
                guard let zone else { throw TemplateError("unknown time zone \(name)") }
                return .object(TemplateTime(try time(arguments, 1).moment, zone: zone))
            },
            TemplateFunction("toDate", arity: 2) { arguments throws(TemplateError) in
                // Go's layout is checked for the one form that alerts are written in.
                guard let moment = TimeText.parse(try arguments.string(1)) else {
                    throw TemplateError("cannot parse time: RFC 3339 expected")
                }
                return .object(TemplateTime(moment))
            },
            TemplateFunction("humanizeDuration", arity: 1) { arguments throws(TemplateError) in
                .string(humanizeDuration(try seconds(arguments, 0)))
            },
        ]
    }

    /// The functions that read a clock: it stands at the moment the notification was made.
    static func clock(at now: Timestamp) -> [TemplateFunction] {
        [
            TemplateFunction("now", arity: 0) { _ in .object(TemplateTime(now)) },
            TemplateFunction("since", arity: 1) { arguments throws(TemplateError) in
                let moment = try time(arguments, 0).moment ?? now
                return .float((now - moment).inSeconds)
            },
        ]
    }

    // MARK: Helpers

    private static func time(_ arguments: TemplateArguments, _ index: Int) throws(TemplateError) -> TemplateTime {
        if case .object(let object) = arguments[index], let time = object as? TemplateTime { return time }
        throw arguments.wrong("time.Time", index)
    }

    private static func seconds(_ arguments: TemplateArguments, _ index: Int) throws(TemplateError) -> Double {
        if let text = arguments[index].text {
            guard let number = Double(text) else { throw arguments.wrong("number", index) }
            return number
        }
        return try arguments.float(index)
    }

    private static func compile(_ pattern: String) throws(TemplateError) -> RegularExpression {
        do {
            return try RegularExpression(pattern, dotMatchesNewline: false)
        } catch {
            throw TemplateError(error.description)
        }
    }

    static func title(_ text: String) -> String {
        var result = ""
        var isInWord = false
        for character in text {
            let isLetter = character.isLetter || character.isNumber || character == "'"
            result += isInWord ? character.lowercased() : character.uppercased()
            isInWord = isLetter
        }
        return result
    }

    static func trimmed(_ text: String) -> String {
        var slice = text[...]
        while slice.first?.isWhitespace == true { slice.removeFirst() }
        while slice.last?.isWhitespace == true { slice.removeLast() }
        return String(slice)
    }

    /// Percent escapes and `+`, as in a query.
    private static func unescaped(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "+"): result.append(0x20)
            case UInt8(ascii: "%"):
                guard index + 2 < bytes.count,
                    let value = UInt8(String(decoding: bytes[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
                else { return nil }
                result.append(value)
                index += 2
            default: result.append(bytes[index])
            }
            index += 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Go's `ReplaceAllString`: `$1`, `${1}` and `${name}` stand for groups, `$$` for a dollar.
    static func replaceAll(_ expression: RegularExpression, with replacement: String, in text: String) -> String {
        let bytes = Array(text.utf8)
        let template = Array(replacement.utf8)
        var result: [UInt8] = []
        var position = 0
        while position <= bytes.count, let match = expression.firstMatch(in: bytes, from: position),
            let whole = match.first ?? nil
        {
            result.append(contentsOf: bytes[position..<whole.lowerBound])
            expand(template, match, bytes, expression, into: &result)
            if whole.isEmpty {
                if whole.lowerBound < bytes.count { result.append(bytes[whole.lowerBound]) }
                position = whole.lowerBound + 1
            } else {
                position = whole.upperBound
            }
        }
        if position < bytes.count { result.append(contentsOf: bytes[position...]) }
        return String(decoding: result, as: UTF8.self)
    }

    private static func expand(
        _ template: [UInt8],
        _ match: [Range<Int>?],
        _ bytes: [UInt8],
        _ expression: RegularExpression,
        into result: inout [UInt8]
    ) {
        var index = 0
        while index < template.count {
            guard template[index] == UInt8(ascii: "$"), index + 1 < template.count else {
                result.append(template[index])
                index += 1
                continue
            }
            if template[index + 1] == UInt8(ascii: "$") {
                result.append(UInt8(ascii: "$"))
                index += 2
                continue
            }
            let isBraced = template[index + 1] == UInt8(ascii: "{")
            let start = index + (isBraced ? 2 : 1)
            var end = start
            while end < template.count, isWordByte(template[end]) { end += 1 }
            guard end > start, !isBraced || end < template.count && template[end] == UInt8(ascii: "}") else {
                result.append(template[index])
                index += 1
                continue
            }
            let name = String(decoding: template[start..<end], as: UTF8.self)
            let group = Int(name) ?? expression.groupIndex(named: name)
            if let group, group < match.count, let range = match[group] { result.append(contentsOf: bytes[range]) }
            index = end + (isBraced ? 1 : 0)
        }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "_")
    }

    /// `1d 2h 3m 4s`, `12.5s`, `3ms`; as rule templates do it.
    static func humanizeDuration(_ seconds: Double) -> String {
        guard seconds.isFinite else { return GoFloat.general(seconds) }
        if seconds == 0 { return "0s" }
        guard abs(seconds) >= 1 else {
            var value = seconds
            for prefix in ["m", "u", "n"] {
                value *= 1000
                if abs(value) >= 1 { return GoFloat.format(value, verb: "g", precision: 4) + prefix + "s" }
            }
            return GoFloat.format(value, verb: "g", precision: 4) + "ns"
        }
        let sign = seconds < 0 ? "-" : ""
        guard let whole = Int64(exactly: abs(seconds).rounded(.down)) else { return GoFloat.general(seconds) + "s" }
        let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60)
        if days > 0 { return "\(sign)\(days)d \(hours)h \(minutes)m \(whole % 60)s" }
        if hours > 0 { return "\(sign)\(hours)h \(minutes)m \(whole % 60)s" }
        if minutes > 0 { return "\(sign)\(minutes)m \(whole % 60)s" }
        return sign + GoFloat.format(abs(seconds), verb: "g", precision: 4) + "s"
    }

    private static func write(_ value: TemplateValue, to writer: inout JSONWriter, depth: Int) {
        guard depth < 20 else { return writer.null() }
        switch value {
        case .null, .function: writer.null()
        case .bool(let value): writer.bool(value)
        case .integer(let value): writer.integer(value)
        case .float(let value): writer.number(value)
        case .string(let text), .html(let text): writer.string(text)
        case .list(let elements): writer.array(elements) { write($1, to: &$0, depth: depth + 1) }
        case .map(let map):
            writer.object { json in
                for key in map.values.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
                    json.key(key)
                    write(map.values[key] ?? .null, to: &json, depth: depth + 1)
                }
            }
        case .object(let object):
            if let time = object as? TemplateTime {
                writer.string(TimeText.format(time.moment))
            } else if case .object = object.plain {
                writer.null()
            } else {
                write(object.plain, to: &writer, depth: depth + 1)
            }
        }
    }
}
