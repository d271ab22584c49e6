// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import TimeSeries

/// Reads the members of a JSON object with Alertmanager's types; every failure says where.
struct APIReader {
    /// Bodies beyond this are refused.
    static let bodyLimit = 16 << 20

    private let value: JSONValue
    private let path: String

    init(_ value: JSONValue, path: String = "") {
        self.value = value
        self.path = path
    }

    static func parse(_ body: [UInt8]) throws(APIError) -> JSONValue {
        guard body.count <= bodyLimit else { throw APIError(413, "the body is larger than \(bodyLimit) bytes") }
        do {
            return try JSONValue(parsing: body)
        } catch {
            throw APIError(400, error.description)
        }
    }

    private func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private func member(_ key: String) -> JSONValue? {
        guard let member = value[key], member != .null else { return nil }
        return member
    }

    func string(_ key: String) throws(APIError) -> String? {
        guard let member = member(key) else { return nil }
        guard let text = member.string else { throw APIError(400, "\(name(key)) must be a string") }
        return text
    }

    func boolean(_ key: String) throws(APIError) -> Bool? {
        guard let member = member(key) else { return nil }
        guard let flag = member.bool else { throw APIError(400, "\(name(key)) must be a boolean") }
        return flag
    }

    /// RFC 3339; Go's zero time counts as absent.
    func time(_ key: String) throws(APIError) -> Timestamp? {
        guard let text = try string(key), !text.isEmpty else { return nil }
        guard let moment = TimeText.parse(text) else {
            throw APIError(400, "\(name(key)) must be a time as in RFC 3339")
        }
        return TimeText.format(moment) == TimeText.zero ? nil : moment
    }

    /// A map of texts; empty values fall away.
    func labels(_ key: String) throws(APIError) -> Labels {
        guard let member = member(key) else { return Labels() }
        guard let members = member.members else { throw APIError(400, "\(name(key)) must be an object") }
        var pairs: [(String, String)] = []
        for member in members {
            guard let text = member.value.string else { throw APIError(400, "\(name(key)) must hold strings") }
            guard !member.name.isEmpty else { throw APIError(400, "\(name(key)) holds an empty name") }
            pairs.append((member.name, text))
        }
        return Labels(pairs)
    }

    func objects(_ key: String) throws(APIError) -> [APIReader] {
        guard let elements = member(key)?.array else { throw APIError(400, "\(name(key)) must be an array") }
        return elements.enumerated().map { APIReader($1, path: "\(name(key))[\($0)]") }
    }
}
