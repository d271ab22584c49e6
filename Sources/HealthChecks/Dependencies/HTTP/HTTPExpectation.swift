// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import HealthChecks
import JSONDocument
import RegularExpressions

/// What an answer must be like, with its expressions compiled.
struct HTTPExpectation: Sendable {
    struct Mismatch {
        var reason: HealthReason
        var text: String
        var isByExpression: Bool
    }

    private struct Header: Sendable {
        var name: String
        var pattern: RegularExpression
        var allowsMissing: Bool
    }

    private let status: Set<Int>
    private let requiresTLS: Bool
    private let forbidsTLS: Bool
    private let required: [Header]
    private let forbidden: [Header]
    private let matches: [RegularExpression]
    private let forbids: [RegularExpression]
    private let json: [HTTPCheckConfiguration.JSONCondition]

    init(_ configuration: HTTPCheckConfiguration) throws(CheckConfigurationError) {
        status = configuration.status
        requiresTLS = configuration.requiresTLS
        forbidsTLS = configuration.forbidsTLS
        var required: [Header] = [], forbidden: [Header] = []
        for condition in configuration.requiredHeaders { required.append(try Self.header(condition)) }
        for condition in configuration.forbiddenHeaders { forbidden.append(try Self.header(condition)) }
        self.required = required
        self.forbidden = forbidden
        var matches: [RegularExpression] = [], forbids: [RegularExpression] = []
        for pattern in configuration.bodyMatches { matches.append(try Self.expression(pattern)) }
        for pattern in configuration.bodyForbids { forbids.append(try Self.expression(pattern)) }
        self.matches = matches
        self.forbids = forbids
        json = configuration.jsonConditions
        for condition in json where jsonSteps(condition.path) == nil {
            throw CheckConfigurationError("json: path \"\(condition.path)\" cannot be read")
        }
    }

    /// Whether the body is looked at.
    var readsBody: Bool { !matches.isEmpty || !forbids.isEmpty || !json.isEmpty }

    /// The first thing that is not as expected.
    func mismatch(head: HTTPResponseHead, body: [UInt8], isTLS: Bool) -> Mismatch? {
        let isAccepted = status.isEmpty ? (200..<300).contains(head.status) : status.contains(head.status)
        guard isAccepted else {
            return Mismatch(reason: .statusCode, text: "status \(head.status)", isByExpression: false)
        }
        if requiresTLS, !isTLS {
            return Mismatch(reason: .tls, text: "the answer came without TLS", isByExpression: false)
        }
        if forbidsTLS, isTLS { return Mismatch(reason: .tls, text: "the answer came over TLS", isByExpression: false) }
        for header in required {
            let values = values(of: header.name, in: head)
            if values.isEmpty
                ? !header.allowsMissing : !values.contains(where: { found(header.pattern, in: Array($0.utf8)) })
            {
                return Mismatch(reason: .bodyMismatch, text: "header \(header.name)", isByExpression: true)
            }
        }
        for header in forbidden {
            let values = values(of: header.name, in: head)
            if values.isEmpty
                ? !header.allowsMissing : values.contains(where: { found(header.pattern, in: Array($0.utf8)) })
            {
                return Mismatch(reason: .bodyMismatch, text: "header \(header.name)", isByExpression: true)
            }
        }
        for pattern in matches where !found(pattern, in: body) {
            return Mismatch(reason: .bodyMismatch, text: "the body lacks /\(pattern.pattern)/", isByExpression: true)
        }
        for pattern in forbids where found(pattern, in: body) {
            return Mismatch(reason: .bodyMismatch, text: "the body has /\(pattern.pattern)/", isByExpression: true)
        }
        return jsonMismatch(body)
    }

    private func jsonMismatch(_ body: [UInt8]) -> Mismatch? {
        guard !json.isEmpty else { return nil }
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONValue(parsing: body)
        } catch {
            return Mismatch(reason: .bodyMismatch, text: "the body is not JSON", isByExpression: false)
        }
        for condition in json {
            guard let value = jsonValue(at: condition.path, in: document) else {
                return Mismatch(reason: .bodyMismatch, text: "the body lacks \(condition.path)", isByExpression: false)
            }
            if let wanted = condition.equals, scalarText(value) != wanted {
                return Mismatch(
                    reason: .bodyMismatch,
                    text: "\(condition.path) is not \(wanted)",
                    isByExpression: false
                )
            }
        }
        return nil
    }

    private func values(of name: String, in head: HTTPResponseHead) -> [String] {
        let wanted = name.lowercased()
        return head.headers.filter { $0.name.lowercased() == wanted }.map(\.value)
    }

    private func found(_ pattern: RegularExpression, in bytes: [UInt8]) -> Bool { pattern.firstMatch(in: bytes) != nil }

    private static func header(
        _ condition: HTTPCheckConfiguration.HeaderCondition
    ) throws(CheckConfigurationError) -> Header {
        Header(name: condition.name, pattern: try expression(condition.pattern), allowsMissing: condition.allowsMissing)
    }

    private static func expression(_ pattern: String) throws(CheckConfigurationError) -> RegularExpression {
        do throws(RegularExpressionError) {
            return try RegularExpression(pattern)
        } catch {
            throw CheckConfigurationError(error.description)
        }
    }
}

enum JSONStep: Hashable {
    case name(String)
    case index(Int)
}

/// `a.b[0].c`, with an optional `$.` in front; nil when it is something else.
func jsonSteps(_ path: String) -> [JSONStep]? {
    var steps: [JSONStep] = []
    var text = Substring(path)
    if text.hasPrefix("$") { text = text.dropFirst() }
    if text.hasPrefix(".") { text = text.dropFirst() }
    while !text.isEmpty {
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]"),
                let index = Int(text[text.index(after: text.startIndex)..<close]),
                index >= 0
            else { return nil }
            steps.append(.index(index))
            text = text[text.index(after: close)...]
        } else {
            let name = text.prefix { $0 != "." && $0 != "[" }
            guard !name.isEmpty else { return nil }
            steps.append(.name(String(name)))
            text = text.dropFirst(name.count)
        }
        if text.hasPrefix(".") {
            text = text.dropFirst()
            if text.isEmpty { return nil }
        }
    }
    return steps
}

func jsonValue(at path: String, in document: JSONValue) -> JSONValue? {
    var value = document
    for step in jsonSteps(path) ?? [] {
        switch step {
        case .name(let name):
            guard let next = value[name] else { return nil }
            value = next
        case .index(let index):
            guard let array = value.array, array.indices.contains(index) else { return nil }
            value = array[index]
        }
    }
    return value
}

/// A scalar as people write it; nil for an object or an array.
func scalarText(_ value: JSONValue) -> String? {
    if let text = value.string { return text }
    if let truth = value.bool { return truth ? "true" : "false" }
    if let number = value.number {
        if let whole = Int64(exactly: number) { return String(whole) }
        return number.description
    }
    return value == .null ? "null" : nil
}
