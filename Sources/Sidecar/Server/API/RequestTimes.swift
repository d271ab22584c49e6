// SPDX-License-Identifier: Apache-2.0

import TimeSeries
import YAMLDocument

/// Times, durations and limits among a request's parameters, with Prometheus's error texts.
enum RequestTimes {
    /// A parameter that has to be there.
    static func requiredTime(_ parameters: Parameters, _ name: String) throws -> Timestamp {
        let text = parameters[name] ?? ""
        guard let time = TimeText.timestamp(text) else {
            throw APIError.invalidParameter(name, "cannot parse \"\(text)\" to a valid timestamp")
        }
        return time
    }

    static func time(_ parameters: Parameters, _ name: String) throws -> Timestamp? {
        guard let text = parameters[name], !text.isEmpty else { return nil }
        guard let time = TimeText.timestamp(text) else {
            let words = "Invalid time value for '\(name)': cannot parse \"\(text)\" to a valid timestamp"
            throw APIError.invalidParameter(name, words)
        }
        return time
    }

    /// Seconds as a number, or a duration such as `5m`.
    static func duration(_ parameters: Parameters, _ name: String) throws -> Duration? {
        guard let text = parameters[name], !text.isEmpty else { return nil }
        do throws(InvalidDuration) {
            return try duration(text)
        } catch {
            throw APIError.invalidParameter(name, error.description)
        }
    }

    struct InvalidDuration: Error, CustomStringConvertible {
        let description: String
    }

    static func duration(_ text: String) throws(InvalidDuration) -> Duration {
        let words = "cannot parse \"\(text)\" to a valid duration"
        if let seconds = Double(text), !seconds.isNaN {
            guard abs(seconds) < 9.2e9 else { throw InvalidDuration(description: words + ". It overflows int64") }
            return .milliseconds(Int64((seconds * 1_000).rounded()))
        }
        guard let duration = PrometheusDuration.parse(text) else { throw InvalidDuration(description: words) }
        return duration
    }

    /// How old a sample may be to count as present; nil where the request leaves it as it is.
    static func lookback(_ parameters: Parameters) throws -> Duration? {
        guard let text = parameters["lookback_delta"], !text.isEmpty else { return nil }
        do throws(InvalidDuration) {
            let duration = try duration(text)
            return duration > .zero ? duration : nil
        } catch {
            throw APIError.badData("error parsing lookback delta duration: \(error)")
        }
    }

    /// A truth value in one of the forms that Go takes.
    static func flag(_ parameters: Parameters, _ name: String) throws -> Bool {
        guard let text = parameters[name]?.lowercased(), !text.isEmpty else { return false }
        switch text {
        case "1", "t", "true": return true
        case "0", "f", "false": return false
        default:
            let words = "error converting \(name): strconv.ParseBool: parsing \"\(text)\": invalid syntax"
            throw APIError.invalidParameter(name, words)
        }
    }

    /// 0 means no limit.
    static func limit(_ parameters: Parameters) throws -> Int {
        guard let text = parameters["limit"], !text.isEmpty else { return 0 }
        guard let limit = Int(text) else {
            throw APIError.invalidParameter("limit", "strconv.Atoi: parsing \"\(text)\": invalid syntax")
        }
        guard limit >= 0 else { throw APIError.invalidParameter("limit", "limit must be non-negative") }
        return limit
    }

    /// A plain count; nil when it is not given.
    static func number(_ parameters: Parameters, _ name: String) throws -> Int? {
        guard let text = parameters[name], !text.isEmpty else { return nil }
        guard let number = Int(text) else { throw APIError.badData("\(name) must be a number") }
        return number
    }
}
