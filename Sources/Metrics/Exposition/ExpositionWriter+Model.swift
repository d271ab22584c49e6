// SPDX-License-Identifier: Apache-2.0

extension ExpositionWriter {
    /// Writes a whole family from its model. Allocates; for producers that do not keep prepared bytes.
    /// - Parameter family: the family, its metrics in the order of the output.
    public mutating func write(_ family: MetricFamily) {
        begin(FamilyHeader(name: family.name, kind: family.kind, help: family.help, unit: family.unit))
        for metric in family.metrics {
            switch metric.value {
            case .number(let value):
                write(
                    metric.labels,
                    value: value,
                    timestampMilliseconds: metric.timestampMilliseconds,
                    createdMilliseconds: metric.createdMilliseconds,
                    exemplar: metric.exemplar
                )
            case .histogram(let histogram): write(histogram, of: metric)
            case .summary(let summary):
                writeSummary(
                    metric.labels,
                    quantiles: summary.quantiles.map { ($0.quantile, $0.value) },
                    count: summary.count.asCount,
                    sum: summary.sum,
                    timestampMilliseconds: metric.timestampMilliseconds,
                    createdMilliseconds: metric.createdMilliseconds
                )
            }
        }
    }

    private mutating func write(_ histogram: MetricHistogram, of metric: Metric) {
        let finite = histogram.buckets.filter { $0.upperBound.isFinite }.sorted { $0.upperBound < $1.upperBound }
        let bounds = BucketBounds(finite.map(\.upperBound))
        var counts: [UInt64] = []
        var exemplars: [Exemplar?] = []
        for bound in bounds.upperBounds {
            let bucket = finite.last { $0.upperBound == bound }
            counts.append(bucket?.cumulativeCount.asCount ?? 0)
            exemplars.append(bucket?.exemplar)
        }
        let last = histogram.buckets.last { $0.upperBound == .infinity }
        if !histogram.buckets.isEmpty || histogram.native == nil {
            counts.append(last?.cumulativeCount.asCount ?? histogram.count.asCount)
        }
        exemplars.append(last?.exemplar)
        writeHistogram(
            metric.labels,
            bounds: bounds,
            cumulativeCounts: counts.span,
            sum: histogram.sum,
            timestampMilliseconds: metric.timestampMilliseconds,
            createdMilliseconds: metric.createdMilliseconds,
            exemplars: format.encoding == .protobuf ? exemplars + histogram.nativeExemplars : exemplars,
            native: histogram.native
        )
    }
}
