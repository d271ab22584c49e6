// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import JSONDocument
import PromQL
import TimeSeries

/// Query results in the shapes of Prometheus's HTTP API.
enum ResultJSON {
    /// `{"resultType":…,"result":…}` of an evaluation at `time`.
    static func write(_ value: QueryValue, at time: Timestamp, limit: Int, to json: inout JSONWriter) {
        json.beginObject()
        switch value {
        case .scalar(let number):
            json.member("resultType", "scalar")
            json.key("result")
            json.beginArray()
            json.raw(TimeText.seconds(time).utf8)
            // Scalars alone never have an exponent in Prometheus's answers.
            json.string(GoFloat.plain(number))
            json.endArray()
        case .string(let text):
            json.member("resultType", "string")
            json.key("result")
            json.beginArray()
            json.raw(TimeText.seconds(time).utf8)
            json.string(text)
            json.endArray()
        case .vector(let samples):
            json.member("resultType", "vector")
            json.member("result", array: limit > 0 ? samples.prefix(limit) : samples[...]) { json, sample in
                json.beginObject()
                metric(sample.labels, to: &json)
                switch sample.value {
                case .float(let number):
                    json.key("value")
                    point(time, number, to: &json)
                case .histogram(let histogram):
                    json.key("histogram")
                    point(time, histogram, to: &json)
                }
                json.endObject()
            }
        case .matrix(let series):
            json.member("resultType", "matrix")
            json.member("result", array: limit > 0 ? series.prefix(limit) : series[...]) { json, series in
                json.beginObject()
                metric(series.labels, to: &json)
                points(of: series, to: &json)
                json.endObject()
            }
        }
        json.endObject()
    }

    /// The whole of a label set as an object of strings.
    static func labels(_ labels: Labels, to json: inout JSONWriter) {
        json.beginObject()
        labels.forEachUTF8 { name, value in json.member(utf8: name, value) }
        json.endObject()
    }

    private static func metric(_ labels: Labels, to json: inout JSONWriter) {
        json.key("metric")
        Self.labels(labels, to: &json)
    }

    private static func points(of series: SeriesSamples, to json: inout JSONWriter) {
        var hasFloats = false
        var hasHistograms = false
        for sample in series.samples {
            switch sample.value {
            case .float: hasFloats = true
            case .histogram: hasHistograms = true
            }
        }
        if hasFloats {
            json.key("values")
            json.beginArray()
            for case (let timestamp, .float(let number)) in series.samples.map({ ($0.timestamp, $0.value) }) {
                point(timestamp, number, to: &json)
            }
            json.endArray()
        }
        if hasHistograms {
            json.key("histograms")
            json.beginArray()
            for case (let timestamp, .histogram(let histogram)) in series.samples.map({ ($0.timestamp, $0.value) }) {
                point(timestamp, histogram, to: &json)
            }
            json.endArray()
        }
    }

    private static func point(_ time: Timestamp, _ number: Double, to json: inout JSONWriter) {
        json.beginArray()
        json.raw(TimeText.seconds(time).utf8)
        json.string(GoFloat.answer(number))
        json.endArray()
    }

    /// Buckets as `[boundaries, lower, upper, count]`; boundaries: 0 upper-inclusive, 1 lower-inclusive, 2 none, 3 both.
    private static func point(_ time: Timestamp, _ histogram: FloatHistogram, to json: inout JSONWriter) {
        json.beginArray()
        json.raw(TimeText.seconds(time).utf8)
        json.beginObject()
        json.member("count", GoFloat.answer(histogram.count))
        json.member("sum", GoFloat.answer(histogram.sum))
        let buckets = histogram.ascendingBuckets.filter { $0.count != 0 }
        if !buckets.isEmpty {
            json.member("buckets", array: buckets) { json, bucket in
                json.beginArray()
                switch (bucket.isLowerInclusive, bucket.isUpperInclusive) {
                case (false, true): json.integer(0)
                case (true, false): json.integer(1)
                case (false, false): json.integer(2)
                case (true, true): json.integer(3)
                }
                json.string(GoFloat.answer(bucket.lower))
                json.string(GoFloat.answer(bucket.upper))
                json.string(GoFloat.answer(bucket.count))
                json.endArray()
            }
        }
        json.endObject()
        json.endArray()
    }
}
