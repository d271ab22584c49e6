// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Whether a series has a sample at a step, and of which kind.
enum Presence {
    static let none: UInt8 = 0
    static let float: UInt8 = 1
    static let histogram: UInt8 = 2
}

/// The samples of one series, one place for each step.
struct Row {
    var presence: [UInt8]
    var values: [Double]
    /// Empty as long as there is no histogram.
    var histograms: [FloatHistogram?] = []

    init(steps: Int) {
        presence = [UInt8](repeating: Presence.none, count: steps)
        values = [Double](repeating: 0, count: steps)
    }

    var isEmpty: Bool { presence.allSatisfy { $0 == Presence.none } }

    mutating func clear() {
        unsafe presence.withUnsafeMutableBufferPointer { unsafe $0.update(repeating: Presence.none) }
        if !histograms.isEmpty { histograms = [] }
    }

    @inline(__always)
    mutating func set(_ step: Int, _ value: Double) {
        presence[step] = Presence.float
        values[step] = value
    }

    mutating func set(_ step: Int, _ histogram: FloatHistogram) {
        if histograms.isEmpty { histograms = [FloatHistogram?](repeating: nil, count: presence.count) }
        presence[step] = Presence.histogram
        histograms[step] = histogram
    }

    mutating func set(_ step: Int, _ value: SampleValue) {
        switch value {
        case .float(let value): set(step, value)
        case .histogram(let histogram): set(step, histogram)
        }
    }

    mutating func remove(_ step: Int) { presence[step] = Presence.none }

    func value(_ step: Int) -> SampleValue? {
        switch presence[step] {
        case Presence.float: return .float(values[step])
        case Presence.histogram: return histograms[step].map { .histogram($0) }
        default: return nil
        }
    }
}

/// An instant vector at every step: series, each with a row.
struct Block {
    struct Series {
        var labels: Labels
        /// The name is to go when the query is done (delayed name removal).
        var dropsName = false
        var row: Row
    }

    let steps: Int
    var series: [Series] = []

    init(steps: Int) { self.steps = steps }

    mutating func append(_ labels: Labels, _ row: Row, dropsName: Bool = false) {
        series.append(Series(labels: labels, dropsName: dropsName, row: row))
    }

    /// The first step's series, repeated for more steps.
    func repeated(_ count: Int) -> Block {
        var result = Block(steps: count)
        result.series.reserveCapacity(series.count)
        for one in series {
            guard let value = one.row.value(0) else { continue }
            var row = Row(steps: count)
            for step in 0..<count { row.set(step, value) }
            result.append(one.labels, row, dropsName: one.dropsName)
        }
        return result
    }
}

/// What an expression evaluates to.
enum Evaluated {
    /// One number for each step.
    case scalar([Double])
    case string(StringLiteral)
    case vector(Block)
}
