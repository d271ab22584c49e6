// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Values of a metrics page by series, read without any reader of ours.
struct MetricsPage {
    struct Series: Hashable, Comparable, CustomStringConvertible {
        var name: String
        var labels: [String: String]

        var description: String {
            let pairs = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }
            return pairs.isEmpty ? name : "\(name){\(pairs.joined(separator: ","))}"
        }

        static func < (left: Series, right: Series) -> Bool { left.description < right.description }
    }

    private(set) var values: [Series: Double] = [:]

    /// Reads the text format.
    ///
    /// - Parameters:
    ///   - labels: left out of the series.
    ///   - check: only series whose label `check` has this value.
    init(_ text: String, without labels: Set<String> = [], check: String? = nil) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Self.number(line[line.index(after: space)...]) else {
                continue
            }
            let text = line[..<space]
            let brace = text.firstIndex(of: "{") ?? text.endIndex
            var series = Series(
                name: String(text[..<brace]),
                labels: brace < text.endIndex ? Self.labels(text[brace...]) : [:]
            )
            if let check, series.labels["check"] != check { continue }
            for name in labels { series.labels[name] = nil }
            values[series] = value
        }
    }

    var names: Set<String> { Set(values.keys.map(\.name)) }

    /// Takes the series of a metric together that differ in other labels than those given.
    mutating func aggregate(_ name: String, by labels: Set<String>, _ combine: (Double, Double) -> Double) {
        var groups: [Series: Double] = [:]
        for (series, value) in values where series.name == name {
            values[series] = nil
            let group = Series(name: name, labels: series.labels.filter { labels.contains($0.key) })
            groups[group] = groups[group].map { combine($0, value) } ?? value
        }
        values.merge(groups) { $1 }
    }

    mutating func rename(_ name: String, to other: String) {
        for (series, value) in values where series.name == name {
            values[series] = nil
            values[Series(name: other, labels: series.labels)] = value
        }
    }

    private static func number(_ text: Substring) -> Double? {
        switch text {
        case "+Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: Double(text)
        }
    }

    private static func labels(_ text: Substring) -> [String: String] {
        var labels: [String: String] = [:]
        var rest = text.dropFirst()
        while let equal = rest.firstIndex(of: "="), rest.index(after: equal) < rest.endIndex {
            let name = String(rest[..<equal])
            var value = ""
            var index = rest.index(equal, offsetBy: 2)
            while index < rest.endIndex, rest[index] != "\"" {
                if rest[index] == "\\" { index = rest.index(after: index) }
                if index < rest.endIndex {
                    value.append(rest[index])
                    index = rest.index(after: index)
                }
            }
            labels[name] = value
            guard index < rest.endIndex else { break }
            rest = rest[rest.index(after: index)...]
            if rest.first == "," { rest = rest.dropFirst() }
        }
        return labels
    }
}
