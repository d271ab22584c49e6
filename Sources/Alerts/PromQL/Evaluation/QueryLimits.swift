// SPDX-License-Identifier: Apache-2.0

/// What one query may take. Every limit ends the query with an error, never with part of an answer.
package struct QueryLimits: Sendable {
    /// Samples in memory at once.
    package var samples = 50_000_000
    /// Series that one selector may match.
    package var series = 1_000_000
    /// Steps that a range query may take; with both ends it returns one point more for each series.
    package var steps = 11_000
    /// Asked every few hundred series: why the query has to end, nil as long as it need not. The deadline's clock and
    /// the client's disconnection stand behind it.
    package var shouldStop: (@Sendable () -> QueryError?)?

    package init() {}
}

/// Why a query gave no answer.
package enum QueryError: Error, Hashable, Sendable {
    case timedOut
    case cancelled
    case tooManySamples
    case tooManySeries(limit: Int)
    case tooManySteps(limit: Int)
    /// What the expression asks for cannot be done with the data at hand.
    case execution(String)
}

extension QueryError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .timedOut: "query timed out in expression evaluation"
        case .cancelled: "query was canceled in expression evaluation"
        case .tooManySamples: "query processing would load too many samples into memory in query execution"
        case .tooManySeries(let limit): "query selects more than \(limit) series in query execution"
        case .tooManySteps(let limit):
            "exceeded maximum resolution of \(limit) points per timeseries. Try decreasing the query resolution"
                + " (?step=XX)"
        case .execution(let message): message
        }
    }
}
