// SPDX-License-Identifier: Apache-2.0

import Exposition
import Glibc

/// Exponential buckets of one sign: sorted indices and their counts.
struct NativeBuckets: Sendable {
    private(set) var indices: [Int32] = []
    private(set) var counts: [UInt64] = []
    /// Where an index was found last, by its lowest bits: wrong after an insertion, and then searched for again.
    private var places = [UInt16](repeating: 0, count: 256)

    mutating func add(_ count: UInt64, at index: Int32) {
        let cached = Int(truncatingIfNeeded: index) & 255
        let guess = Int(places[cached])
        if guess < indices.count, indices[guess] == index {
            counts[guess] &+= count
        } else {
            places[cached] = UInt16(truncatingIfNeeded: search(count, index))
        }
    }

    private mutating func search(_ count: UInt64, _ index: Int32) -> Int {
        var low = 0
        var high = indices.count
        while low < high {
            let middle = (low + high) / 2
            if indices[middle] < index { low = middle + 1 } else { high = middle }
        }
        if low < indices.count, indices[low] == index {
            counts[low] &+= count
        } else {
            indices.insert(index, at: low)
            counts.insert(count, at: low)
        }
        return low
    }

    /// Halves the resolution: bucket `i` becomes `ceil(i / 2)`.
    mutating func coarsen() {
        let old = (indices, counts)
        indices.removeAll(keepingCapacity: true)
        counts.removeAll(keepingCapacity: true)
        for (index, count) in zip(old.0, old.1) {
            let merged = (index &+ 1) >> 1
            if indices.last == merged {
                counts[counts.count - 1] &+= count
            } else {
                indices.append(merged)
                counts.append(count)
            }
        }
    }

    /// As runs; gaps of one or two empty buckets are filled, which is shorter than a new run.
    var spans: (spans: [NativeHistogram.Span], counts: [Double]) {
        var spans: [NativeHistogram.Span] = []
        var values: [Double] = []
        var next: Int32 = 0
        for (index, count) in zip(indices, counts) {
            let gap = index &- next
            if let last = spans.indices.last, gap <= 2 {
                spans[last].length &+= UInt32(gap) &+ 1
                for _ in 0..<gap { values.append(0) }
            } else {
                spans.append(.init(offset: spans.isEmpty ? index : gap, length: 1))
            }
            values.append(Double(count))
            next = index &+ 1
        }
        return (spans, values)
    }
}

/// The exponential part of a histogram's state, with the classic counts that must agree with it.
struct NativeState: Sendable {
    let options: HistogramConfiguration.Native
    var schema: Int
    var count: UInt64 = 0
    var sum = 0.0
    var zeroCount: UInt64 = 0
    var positive = NativeBuckets()
    var negative = NativeBuckets()
    var classic: [UInt64]

    init(_ options: HistogramConfiguration.Native, bucketCount: Int) {
        self.options = options
        self.schema = options.schema
        self.classic = [UInt64](repeating: 0, count: bucketCount)
    }

    mutating func observe(_ value: Double, bucket: Int) {
        count &+= 1
        sum += value
        classic[bucket] &+= 1
        if abs(value) <= options.zeroThreshold {
            zeroCount &+= 1
            return
        }
        let index = Self.index(of: abs(value), schema: schema)
        if value > 0 { positive.add(1, at: index) } else { negative.add(1, at: index) }
        keepLimit()
    }

    mutating func merge(_ other: NativeState) {
        guard other.count > 0 else { return }
        var other = other
        while schema > other.schema { coarsen() }
        while other.schema > schema { other.coarsen() }
        count &+= other.count
        sum += other.sum
        zeroCount &+= other.zeroCount
        for (index, value) in other.classic.enumerated() { classic[index] &+= value }
        for (index, value) in zip(other.positive.indices, other.positive.counts) { positive.add(value, at: index) }
        for (index, value) in zip(other.negative.indices, other.negative.counts) { negative.add(value, at: index) }
        keepLimit()
    }

    private mutating func keepLimit() {
        while positive.indices.count + negative.indices.count > options.bucketLimit, schema > -4 { coarsen() }
    }

    private mutating func coarsen() {
        schema -= 1
        positive.coarsen()
        negative.coarsen()
    }

    /// Cumulative classic counts.
    var cumulative: [UInt64] {
        var total: UInt64 = 0
        return classic.map { count in
            total &+= count
            return total
        }
    }

    var histogram: NativeHistogram {
        let above = positive.spans
        let below = negative.spans
        return NativeHistogram(
            schema: Int32(schema),
            zeroThreshold: options.zeroThreshold,
            zeroCount: Double(zeroCount),
            count: Double(count),
            sum: sum,
            positiveSpans: above.spans,
            positiveCounts: above.counts,
            negativeSpans: below.spans,
            negativeCounts: below.counts
        )
    }

    /// The bucket of a positive number: the smallest `i` with `value <= 2^(i × 2^-schema)`.
    static func index(of value: Double, schema: Int) -> Int32 {
        // Infinity counts in the bucket after that of the greatest finite number, as in Prometheus.
        guard value < .infinity else { return index(of: .greatestFiniteMagnitude, schema: schema) &+ 1 }
        let exponent = value.exponent + 1
        let fraction = value.significand / 2
        if schema <= 0 {
            let key = fraction == 0.5 ? exponent - 1 : exponent
            return Int32((key + (1 << -schema) - 1) >> -schema)
        }
        // The edges of a coarser schema are every so many of the finest one's.
        let coarseness = 8 - schema
        let steps = (step(of: fraction) + (1 << coarseness) - 1) >> coarseness
        return Int32(steps + (exponent - 1) << schema)
    }

    /// How many edges of the finest schema lie below a fraction between 0.5 and 1.
    private static func step(of fraction: Double) -> Int {
        // At most two edges share their first eight bits.
        var step = Int(firstSteps[Int(truncatingIfNeeded: fraction.significandBitPattern >> 44)])
        while step < edges.count, edges[step] < fraction { step += 1 }
        return step
    }

    /// `2^(step / 256) / 2`.
    private static let edges: [Double] = (0..<256).map { exp2(Double($0) / 256) / 2 }

    /// How many edges lie below every fraction with these first eight bits.
    private static let firstSteps: [UInt16] = (0..<256).map { bits in
        let least = 0.5 + Double(bits) / 512
        return UInt16(edges.count { $0 < least })
    }
}
