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
        if let seconds = Double(text), seconds.isFinite, abs(seconds) < 9e9 {
            return .milliseconds(Int64((seconds * 1_000).rounded()))
        }
        guard let duration = PrometheusDuration.parse(text) else {
            throw APIError.invalidParameter(name, "cannot parse \"\(text)\" to a valid duration")
        }
        return duration
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
