// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import TimeSeries

/// `/api/v1/status/tsdb`: which names and labels the series are made of, the most frequent first.
struct SeriesStatistics: Sendable {
    private let store: StoreStatistics
    private var byName: [(String, Int)] = []
    private var valuesByLabel: [(String, Int)] = []
    private var bytesByLabel: [(String, Int)] = []
    private var byPair: [(String, Int)] = []
    private let pairs: Int

    /// Goes through all series; takes a while when there are many.
    init(_ store: TimeSeriesStore, limit: Int) {
        self.store = store.statistics
        var pairs: [[UInt8]: [[UInt8]: Int]] = [:]
        for handle in store.reader().select([]) {
            handle.labels.forEachUTF8 { pairs[Array($0), default: [:]][Array($1), default: 0] += 1 }
        }
        func top(_ counts: [(String, Int)]) -> [(String, Int)] {
            Array(counts.sorted { $0.1 != $1.1 ? $0.1 > $1.1 : $0.0 < $1.0 }.prefix(limit))
        }
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
        byName = top((pairs[Array(Labels.metricNameLabel.utf8)] ?? [:]).map { (text($0.key), $0.value) })
        valuesByLabel = top(pairs.map { (text($0.key), $0.value.count) })
        bytesByLabel = top(pairs.map { (text($0.key), $0.value.keys.reduce(0) { $0 + $1.count }) })
        byPair = top(pairs.flatMap { name, values in values.map { ("\(text(name))=\(text($0.key))", $0.value) } })
        self.pairs = pairs.values.reduce(0) { $0 + $1.count }
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("headStats") {
                $0.member("numSeries", store.series)
                $0.member("numLabelPairs", pairs)
                $0.member("chunkCount", 0)
                $0.member("minTime", store.oldest?.milliseconds ?? 0)
                $0.member("maxTime", store.newest?.milliseconds ?? 0)
            }
            Self.write("seriesCountByMetricName", byName, &json)
            Self.write("labelValueCountByLabelName", valuesByLabel, &json)
            Self.write("memoryInBytesByLabelName", bytesByLabel, &json)
            Self.write("seriesCountByLabelValuePair", byPair, &json)
        }
    }

    private static func write(_ name: String, _ counts: [(String, Int)], _ json: inout JSONWriter) {
        json.member(name, array: counts) { json, count in
            json.object {
                $0.member("name", count.0)
                $0.member("value", count.1)
            }
        }
    }
}
