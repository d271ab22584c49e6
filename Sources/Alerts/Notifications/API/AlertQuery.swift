// SPDX-License-Identifier: Apache-2.0

import RegularExpressions

/// The parameters of `GET /api/v2/alerts` and `/api/v2/alerts/groups`.
package struct AlertQuery: Sendable {
    package var includesActive = true
    package var includesSilenced = true
    package var includesInhibited = true
    package var includesMuted = true
    package var includesUnprocessed = true
    package var matchers: [AlertMatcher] = []
    private var receiver: RegularExpression?

    package init() {}

    /// Reads them from a query's names and values, already decoded; unknown names are passed over.
    package init(_ parameters: [(name: String, value: String)]) throws(APIError) {
        for (name, value) in parameters {
            switch name {
            case "active": includesActive = try Self.boolean(name, value)
            case "silenced": includesSilenced = try Self.boolean(name, value)
            case "inhibited": includesInhibited = try Self.boolean(name, value)
            case "muted": includesMuted = try Self.boolean(name, value)
            case "unprocessed": includesUnprocessed = try Self.boolean(name, value)
            case "filter", "filter[]": matchers += try Self.filter(value)
            case "receiver":
                do {
                    receiver = try RegularExpression(value, dotMatchesNewline: false)
                } catch {
                    throw APIError(400, "failed to parse receiver param: \(error.message)")
                }
            default: break
            }
        }
    }

    func takes(receiver name: String) -> Bool { receiver?.matchesWhole(name) ?? true }

    static func filter(_ text: String) throws(APIError) -> [AlertMatcher] {
        do {
            return try MatcherParser.parse(text)
        } catch {
            throw APIError(400, "bad matcher format: \(error.message)")
        }
    }

    private static func boolean(_ name: String, _ value: String) throws(APIError) -> Bool {
        switch value {
        case "true", "1", "t", "TRUE", "True", "T": return true
        case "false", "0", "f", "FALSE", "False", "F": return false
        default: throw APIError(400, "\(name) must be of type boolean")
        }
    }
}
