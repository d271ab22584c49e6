// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// One sample of a described series.
package enum DescribedSample: Sendable, Hashable {
    /// `_`: no sample at this place.
    case missing
    case float(Double)
    case histogram(FloatHistogram)

    /// What `stale` stands for.
    package static let stale = DescribedSample.float(StaleMarker.value)
}

/// A series in the notation of rule unit tests: `name{label="value"} 1 2+3x4 _ stale {{schema:0 count:1}}x2`.
package struct SeriesDescription: Sendable {
    package var labels: Labels
    package var samples: [DescribedSample]

    /// More samples than this are refused.
    package static let sampleLimit = 2_000_000

    /// Parses a series and its values, as `series` and `values` of a test file written one after the other.
    package init(parsing text: String) throws(ParseError) {
        var parser = SeriesDescriptionParser(text)
        labels = try parser.parseMetric()
        samples = Self.withResetHints(try parser.parseSamples())
    }

    /// Parses the values alone.
    package static func samples(parsing text: String) throws(ParseError) -> [DescribedSample] {
        var parser = SeriesDescriptionParser(text)
        return withResetHints(try parser.parseSamples())
    }

    /// A histogram that says nothing of resets is told apart from the one before it, as a database does that stores
    /// one after the other.
    static func withResetHints(_ samples: [DescribedSample]) -> [DescribedSample] {
        var previous: FloatHistogram?
        return samples.map { sample in
            switch sample {
            case .missing: return sample
            case .float:
                previous = nil
                return sample
            case .histogram(var histogram):
                if histogram.counterResetHint == .unknown, let before = previous, before.counterResetHint != .gauge {
                    histogram.counterResetHint = histogram.isReset(after: before) ? .reset : .noReset
                }
                previous = histogram
                return .histogram(histogram)
            }
        }
    }

    /// Parses a series without values: `name{label="value"}`.
    package static func labels(parsing text: String) throws(ParseError) -> Labels {
        var parser = SeriesDescriptionParser(text)
        let labels = try parser.parseMetric()
        try parser.expectEnd()
        return labels
    }

    /// Parses one histogram: `{{schema:0 count:1 sum:2 buckets:[1]}}`; whether a reset hint was written is told too.
    package static func histogram(
        parsing text: String
    ) throws(ParseError) -> (histogram: FloatHistogram, hasHint: Bool) {
        var parser = SeriesDescriptionParser(text)
        let (histogram, hasHint) = try parser.parseHistogram()
        try parser.expectEnd()
        return (histogram, hasHint)
    }
}
