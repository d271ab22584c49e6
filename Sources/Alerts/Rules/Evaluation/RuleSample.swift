// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// One element of an expression's result, or one sample to be written.
package struct RuleSample: Sendable, Hashable {
    package var labels: Labels
    package var value: SampleValue

    package init(labels: Labels, value: SampleValue) {
        self.labels = labels
        self.value = value
    }

    /// The float; of a histogram its count of observations, so that a threshold or a peak has something to show.
    package var number: Double {
        switch value {
        case .float(let number): number
        case .histogram(let histogram): histogram.count
        }
    }
}

/// Why an expression gave no result.
package struct RuleQueryError: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String
    package init(_ message: String) { self.message = message }
    package var description: String { message }
}
