// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// The state of an aggregation for every group and step.
struct GroupAccumulator {
    private let operation: AggregationOperator
    private let range: Range<Int>
    private let steps: Int
    private let parameter: [Double]
    /// One place for each group and step, group by group.
    private var counts: [Double]
    private var sums: [Double]
    private var rests: [Double]
    private var hasHistogram: [Bool] = []
    private var histogramSums: [Int: HistogramSum] = [:]
    private var histogramMeans: [Int: HistogramMean] = [:]
    private var hints: [Int: ResetHints] = [:]
    private var incompatible: Set<Int> = []
    private var means: [Int: KahanMean] = [:]
    private var values: [[Double]] = []

    init(_ node: Aggregation, groups: Int, steps: Int, parameter: [Double]) {
        operation = node.operation
        range = node.expression.range
        self.steps = steps
        self.parameter = parameter
        let places = groups * steps
        counts = [Double](repeating: 0, count: places)
        sums = [Double](repeating: 0, count: places)
        rests =
            node.operation == .sum || node.operation == .avg || node.operation == .stddev || node.operation == .stdvar
            ? [Double](repeating: 0, count: places) : []
        if node.operation == .quantile { values = [[Double]](repeating: [], count: places) }
    }

    /// Adds a float at the only step.
    @inline(__always)
    mutating func add(_ value: Double, to group: Int) { add(value, at: group) }

    /// Adds one place of a column of series at the only step.
    mutating func add(_ column: Row, at index: Int, to group: Int, _ annotations: inout AnnotationSet) {
        switch column.presence[index] {
        case Presence.float: add(column.values[index], at: group)
        case Presence.histogram:
            if let histogram = column.histograms[index] { add(histogram, at: group, &annotations) }
        default: break
        }
    }

    /// Adds a row, which has nothing outside of `range`.
    mutating func add(_ row: Row, in range: Range<Int>, to group: Int, _ annotations: inout AnnotationSet) {
        let base = group * steps
        if operation == .sum, row.histograms.isEmpty {
            addToSums(row, range, base)
            return
        }
        for step in range {
            switch row.presence[step] {
            case Presence.float: add(row.values[step], at: base + step)
            case Presence.histogram:
                if let histogram = row.histograms[step] { add(histogram, at: base + step, &annotations) }
            default: continue
            }
        }
    }

    /// The same as `add` for sums, which most rows of most queries go into.
    private mutating func addToSums(_ row: Row, _ range: Range<Int>, _ base: Int) {
        unsafe sums.withUnsafeMutableBufferPointer { sums in
            unsafe rests.withUnsafeMutableBufferPointer { rests in
                unsafe counts.withUnsafeMutableBufferPointer { counts in
                    unsafe row.presence.withUnsafeBufferPointer { presence in
                        unsafe row.values.withUnsafeBufferPointer { values in
                            for step in range {
                                guard unsafe presence[step] != Presence.none else { continue }
                                let value = unsafe values[step]
                                let place = base + step
                                let sum = unsafe sums[place]
                                let total = sum + value
                                let rest =
                                    sum.magnitude >= value.magnitude ? (sum - total) + value : (value - total) + sum
                                unsafe rests[place] = total.isInfinite ? 0 : rests[place] + rest
                                unsafe sums[place] = total
                                unsafe counts[place] += 1
                            }
                        }
                    }
                }
            }
        }
    }

    @inline(__always)
    private mutating func add(_ value: Double, at place: Int) {
        let isFirst = counts[place] == 0
        counts[place] += 1
        switch operation {
        case .sum:
            let total = sums[place] + value
            if isFirst {
                rests[place] = 0
            } else if total.isInfinite {
                rests[place] = 0
            } else if sums[place].magnitude >= value.magnitude {
                rests[place] += (sums[place] - total) + value
            } else {
                rests[place] += (value - total) + sums[place]
            }
            sums[place] = isFirst ? value : total
        case .avg: addToMean(value, at: place, isFirst: isFirst)
        case .min: if isFirst || value < sums[place] || sums[place].isNaN { sums[place] = value }
        case .max: if isFirst || value > sums[place] || sums[place].isNaN { sums[place] = value }
        case .stddev, .stdvar:
            // `sums` is the mean, `rests` the sum of squares.
            if isFirst {
                sums[place] = value
                rests[place] = value.isFinite ? 0 : .nan
            } else {
                let delta = value - sums[place]
                sums[place] += delta / counts[place]
                rests[place] += delta * (value - sums[place])
            }
        case .quantile: values[place].append(value)
        default: break
        }
    }

    private mutating func addToMean(_ value: Double, at place: Int, isFirst: Bool) {
        if isFirst {
            sums[place] = value
            rests[place] = 0
            return
        }
        if means[place] != nil {
            means[place]?.add(value)
            return
        }
        var sum = KahanSum(sum: sums[place], compensation: rests[place])
        sum.add(value)
        if sum.sum.isInfinite {
            var mean = KahanMean(sum: sums[place], compensation: rests[place], count: counts[place] - 1)
            mean.add(value)
            means[place] = mean
        } else {
            sums[place] = sum.sum
            rests[place] = sum.compensation
        }
    }

    private mutating func add(_ histogram: FloatHistogram, at place: Int, _ annotations: inout AnnotationSet) {
        switch operation {
        case .count, .group:
            counts[place] += 1
            return
        case .sum, .avg: break
        default:
            annotations.histogramIgnored(inAggregation: operation.rawValue, range)
            return
        }
        if hasHistogram.isEmpty { hasHistogram = [Bool](repeating: false, count: counts.count) }
        let isFirst = !hasHistogram[place]
        hasHistogram[place] = true
        guard counts[place] == 0, !incompatible.contains(place) else { return }
        hints[place, default: ResetHints()].see(histogram)
        do throws(IncompatibleHistograms) {
            var result = HistogramCombination()
            if operation == .sum {
                if isFirst {
                    histogramSums[place] = HistogramSum(histogram)
                } else if var sum = histogramSums.removeValue(forKey: place) {
                    result = try sum.add(histogram)
                    histogramSums[place] = sum
                }
            } else if isFirst {
                histogramMeans[place] = HistogramMean(histogram)
            } else if var mean = histogramMeans.removeValue(forKey: place) {
                result = try mean.add(histogram)
                histogramMeans[place] = mean
            }
            if result.boundsReconciled { annotations.mismatchedCustomBuckets("aggregation", range) }
        } catch {
            incompatible.insert(place)
            annotations.mixedExponentialAndCustom(name: "", range)
        }
    }

    // MARK: Results

    func block(labels: [Labels], dropsName: [Bool] = [], _ annotations: inout AnnotationSet) -> Block {
        var block = Block(steps: steps)
        block.series.reserveCapacity(labels.count)
        for (group, labels) in labels.enumerated() {
            var row = Row(steps: steps)
            var isEmpty = true
            for step in 0..<steps {
                guard let value = value(at: group * steps + step, step, &annotations) else { continue }
                row.set(step, value)
                isEmpty = false
            }
            guard !isEmpty else { continue }
            block.append(labels, row, dropsName: group < dropsName.count && dropsName[group])
        }
        return block
    }

    private func value(at place: Int, _ step: Int, _ annotations: inout AnnotationSet) -> SampleValue? {
        if !hasHistogram.isEmpty, hasHistogram[place] { return histogram(at: place, &annotations) }
        let count = counts[place]
        guard count > 0 else { return nil }
        switch operation {
        case .sum: return .float(sums[place] + rests[place])
        case .avg: return .float(means[place]?.value ?? sums[place] / count + rests[place] / count)
        case .min, .max: return .float(sums[place])
        case .count: return .float(count)
        case .group: return .float(1)
        case .stdvar: return .float(rests[place] / count)
        case .stddev: return .float((rests[place] / count).squareRoot())
        case .quantile:
            return .float(Statistics.quantile(step < parameter.count ? parameter[step] : .nan, of: values[place]))
        default: return nil
        }
    }

    private func histogram(at place: Int, _ annotations: inout AnnotationSet) -> SampleValue? {
        if counts[place] > 0 {
            annotations.mixedFloatsAndHistogramsInAggregation(range)
            return nil
        }
        guard !incompatible.contains(place) else { return nil }
        if hints[place]?.collide ?? false { annotations.counterResetCollision("aggregation", range) }
        let result = operation == .sum ? histogramSums[place]?.value : histogramMeans[place]?.value
        return result.map { .histogram($0.compacted()) }
    }
}
