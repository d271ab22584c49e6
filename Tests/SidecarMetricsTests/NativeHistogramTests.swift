// SPDX-License-Identifier: Apache-2.0

import Exposition
import Foundation
import SidecarMetrics
import Testing

@Suite struct NativeHistogramTests {
    private static func native(_ histogram: Histogram) throws -> NativeHistogram {
        guard case .histogram(let value) = histogram.metric(.none, createdMilliseconds: nil).value else {
            throw CocoaError(.featureUnsupported)
        }
        return try #require(value.native)
    }

    /// Index and count of each populated bucket.
    private static func buckets(_ spans: [NativeHistogram.Span], _ counts: [Double]) -> [Int: Double] {
        var result: [Int: Double] = [:]
        var index = 0
        var position = 0
        for span in spans {
            index += Int(span.offset)
            for _ in 0..<span.length {
                if counts[position] != 0 { result[index] = counts[position] }
                position += 1
                index += 1
            }
        }
        return result
    }

    @Test(arguments: -4...8) func `a value lies in the bucket that its index says`(schema: Int) throws {
        var generator = SeededGenerator(seed: UInt64(schema + 10))
        for _ in 0..<300 {
            let value = pow(2, Double.random(in: -20...20, using: &generator))
            let histogram = Histogram(configuration: .native(.init(schema: schema)))
            histogram.observe(value)
            let native = try Self.native(histogram)
            let index = try #require(Self.buckets(native.positiveSpans, native.positiveCounts).keys.first)
            let width = pow(2, Double(-schema))
            let upper = pow(2, Double(index) * width)
            let lower = pow(2, Double(index - 1) * width)
            #expect(value <= upper * (1 + 1e-12) && value > lower * (1 - 1e-12))
        }
    }

    @Test func `powers of two end their bucket`() throws {
        for schema in -4...8 {
            let histogram = Histogram(configuration: .native(.init(schema: schema)))
            histogram.observe(1)
            let native = try Self.native(histogram)
            #expect(Self.buckets(native.positiveSpans, native.positiveCounts) == [0: 1], "schema \(schema)")
        }
    }

    @Test func `zero, negative, tiny and infinite values have their places`() throws {
        let histogram = Histogram(configuration: .native(.init(schema: 0, zeroThreshold: 0.001)))
        for value in [0, 0.0005, -0.001, -4, 4, .infinity, -.infinity] { histogram.observe(value) }
        histogram.observe(.nan)
        let native = try Self.native(histogram)
        #expect(native.count == 7)
        #expect(native.zeroCount == 3)
        #expect(Self.buckets(native.positiveSpans, native.positiveCounts) == [2: 1, 1_025: 1])
        #expect(Self.buckets(native.negativeSpans, native.negativeCounts) == [2: 1, 1_025: 1])
    }

    @Test func `the bucket limit halves the resolution and loses nothing`() throws {
        let histogram = Histogram(configuration: .native(.init(schema: 8, bucketLimit: 20)))
        for step in 0..<5_000 { histogram.observe(0.001 * pow(1.01, Double(step % 1_000))) }
        let native = try Self.native(histogram)
        let buckets = Self.buckets(native.positiveSpans, native.positiveCounts)
        #expect(buckets.count <= 20)
        #expect(native.schema < 8)
        #expect(buckets.values.reduce(0, +) == 5_000)
    }

    @Test func `classic and native buckets of one histogram agree`() throws {
        let histogram = Histogram(configuration: HistogramConfiguration.buckets([1, 10]).withNative())
        for step in 0..<100 { histogram.observe(Double(step) * 0.2) }
        guard case .histogram(let value) = histogram.metric(.none, createdMilliseconds: nil).value else { return }
        #expect(value.buckets.map(\.cumulativeCount) == [6, 51, 100])
        #expect(value.native?.count == 100)
        #expect(value.native?.sum == value.sum)
    }
}
