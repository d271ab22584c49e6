// SPDX-License-Identifier: Apache-2.0

import PromQL
import TimeSeries

extension Parameters {
    /// The selectors of `match[]`, each as its matchers; none when there is no such parameter.
    func selectors() throws -> [[LabelMatcher]] {
        try all("match[]").map { text in
            do throws(ParseError) {
                return try parseSelector(text)
            } catch {
                // A selector that would match everything has no position that could be at fault.
                let words = "must contain at least one non-empty matcher"
                let isEmpty = error.message.hasSuffix(words)
                throw APIError.invalidParameter("match[]", isEmpty ? "match[] \(words)" : error.description)
            }
        }
    }

    /// One selector; nil when there is none.
    func selector(_ name: String) throws -> [LabelMatcher]? {
        guard let text = self[name], !text.isEmpty else { return nil }
        do throws(ParseError) {
            return try parseSelector(text)
        } catch {
            throw APIError.invalidParameter(name, error.description)
        }
    }
}
