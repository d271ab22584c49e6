// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// One element of an instant vector.
package struct Sample: Sendable, Hashable {
    package var labels: Labels
    package var value: SampleValue

    package init(labels: Labels, value: SampleValue) {
        self.labels = labels
        self.value = value
    }
}

/// One series of a range query or range vector: its samples, oldest first.
package struct SeriesSamples: Sendable, Hashable {
    package var labels: Labels
    package var samples: [TimedValue]

    package struct TimedValue: Sendable, Hashable {
        package var timestamp: Timestamp
        package var value: SampleValue

        package init(timestamp: Timestamp, value: SampleValue) {
            self.timestamp = timestamp
            self.value = value
        }
    }
}

package enum QueryValue: Sendable {
    case scalar(Double)
    case string(String)
    /// In the order that `sort` and `topk` give; otherwise in no promised order.
    case vector([Sample])
    /// Sorted by labels.
    case matrix([SeriesSamples])
}

/// The answer to a query with the remarks on it.
package struct QueryResult: Sendable {
    package var value: QueryValue
    package var warnings: [Annotation]
    package var infos: [Annotation]
    package var statistics: QueryStatistics
}

/// What a query went through.
package struct QueryStatistics: Sendable, Hashable {
    /// One selector of the expression and what it found.
    package struct Selector: Sendable, Hashable {
        package var text: String
        /// Byte range in the expression's text.
        package var range: Range<Int>
        package var series = 0
        package var samples = 0
    }

    package var selectors: [Selector] = []
    package var series = 0
    package var samples = 0
    package var peakSamples = 0

    /// Selectors that matched no series at all: why a result may be empty.
    package var emptySelectors: [Selector] { selectors.filter { $0.series == 0 } }
}
