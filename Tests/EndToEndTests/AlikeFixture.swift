// SPDX-License-Identifier: Apache-2.0

import Exposition
import Foundation
import TestSupport

/// A target whose pages change by a fixed rhythm and carry timestamps of their own, so that whoever scrapes often enough
/// stores the same samples.
final class AlikeFixture: Sendable {
    static let step = Duration.milliseconds(1_500)

    let receiver: HTTPReceiver
    private let began = Date()

    init(_ format: ExpositionFormat) throws {
        let began = began
        receiver = try HTTPReceiver { _ in
            let step = Int(Date().timeIntervalSince(began) / 1.5)
            var answer = HTTPAnswer(200, headers: [("Content-Type", format.contentType)])
            answer.body = Self.page(step, began: began, format)
            return answer
        }
    }

    private static func page(_ step: Int, began: Date, _ format: ExpositionFormat) -> [UInt8] {
        let moment = Int64(began.timeIntervalSince1970 * 1_000) + Int64(step) * 1_500
        var random = SeededGenerator(seed: UInt64(step) &+ 77)
        func metric(_ labels: [(name: String, value: String)], _ value: Metric.Value) -> Metric {
            Metric(labels: SeriesLabels(labels), value: value, timestampMilliseconds: moment)
        }
        let hard: [Double] = [
            .nan, .infinity, -.infinity, .leastNonzeroMagnitude, -0.0, 1.7976931348623157e308, 0.1 + 0.2,
            Double(1 << 53) + 2,
            Double.random(in: -1...1, using: &random), 1e21, 123_456_789.123_456_79,
        ]
        var families = [
            MetricFamily(
                name: "alike_requests_total",
                kind: .counter,
                help: "Grows, and starts again now and then.",
                metrics: (0..<20).map { index in
                    metric([("code", "\(200 + index)")], .number(Double(step % 37 * (index + 1)) + 0.5))
                }
            ),
            MetricFamily(
                name: "alike_value",
                kind: .gauge,
                metrics: hard.enumerated().map { index, value in
                    metric([("kind", "\(index)"), ("text", "a\\b\"c\nd é")], .number(value))
                }
            ),
            MetricFamily(
                name: "alike_summary",
                kind: .summary,
                metrics: [
                    metric(
                        [],
                        .summary(
                            MetricSummary(
                                count: Double(step),
                                sum: Double(step) * 0.3,
                                quantiles: [.init(quantile: 0.5, value: 0.25), .init(quantile: 1, value: Double(step))]
                            )
                        )
                    )
                ]
            ),
            MetricFamily(
                name: "alike_seconds",
                kind: .histogram,
                metrics: [metric([("route", "/a")], .histogram(classic(step)))]
            ),
        ]
        if step % 3 != 2 {
            families.append(
                MetricFamily(name: "alike_sometimes", kind: .gauge, metrics: [metric([], .number(Double(step)))])
            )
        }
        if format.encoding == .protobuf {
            for (name, withBuckets) in [("alike_native_seconds", false), ("alike_both_seconds", true)] {
                var histogram = withBuckets ? classic(step) : MetricHistogram(count: 0, sum: 0)
                let native = native(step)
                histogram.native = native
                histogram.count = native.count
                histogram.sum = native.sum
                families.append(
                    MetricFamily(name: name, kind: .histogram, metrics: [metric([], .histogram(histogram))])
                )
            }
        }
        var writer = ExpositionWriter(format: format)
        for family in families { writer.write(family) }
        writer.finish()
        return Array(writer.bytes)
    }

    private static func classic(_ step: Int) -> MetricHistogram {
        let count = Double(step)
        return MetricHistogram(
            count: count * 4,
            sum: count * 1.25,
            buckets: [
                .init(upperBound: 0.1, cumulativeCount: count), .init(upperBound: 1, cumulativeCount: count * 2),
                .init(upperBound: .infinity, cumulativeCount: count * 4),
            ]
        )
    }

    /// Grows, moves and starts again after a while.
    private static func native(_ step: Int) -> NativeHistogram {
        let base = Double(step % 41 + 1)
        return NativeHistogram(
            schema: 3,
            zeroThreshold: 0.001,
            zeroCount: base,
            count: base * 8,
            sum: base * 1.75,
            positiveSpans: [.init(offset: Int32(step / 41 % 5) - 2, length: 2), .init(offset: 3, length: 1)],
            positiveCounts: [base, base * 2, base],
            negativeSpans: [.init(offset: 1, length: 2)],
            negativeCounts: [base * 2, base]
        )
    }
}
