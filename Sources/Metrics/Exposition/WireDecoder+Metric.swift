// SPDX-License-Identifier: Apache-2.0

/// The messages within a metric family.
extension WireDecoder {
    func metric() throws(ExpositionError) -> Metric {
        var decoder = self
        var pairs: [(name: Range<Int>, value: Range<Int>)] = []
        var metric = Metric(value: .number(0))
        var hasValue = false
        while let (number, field) = try decoder.next() {
            switch number {
            case 1: pairs.append(try labelPair(field))
            case 2, 5:
                metric.value = .number(try decoder.nested(try range(field)).plainValue())
                hasValue = true
            case 3:
                try decoder.nested(try range(field)).counter(into: &metric)
                hasValue = true
            case 4:
                try decoder.nested(try range(field)).summary(into: &metric)
                hasValue = true
            case 6: metric.timestampMilliseconds = Int64(bitPattern: try decoder.number(field))
            case 7:
                try decoder.nested(try range(field)).histogram(into: &metric)
                hasValue = true
            default: break
            }
        }
        guard hasValue else { throw decoder.error(.invalidValue) }
        metric.labels = try labels(&pairs)
        return metric
    }

    private func labelPair(_ field: Field) throws(ExpositionError) -> (name: Range<Int>, value: Range<Int>) {
        var decoder = nested(try range(field))
        var name = 0..<0
        var value = 0..<0
        while let (number, field) = try decoder.next() {
            switch number {
            case 1: name = try decoder.range(field)
            case 2: value = try decoder.range(field)
            default: break
            }
        }
        guard !name.isEmpty else { throw decoder.error(.invalidLabelName) }
        return (name, value)
    }

    private func labels(_ pairs: inout [(name: Range<Int>, value: Range<Int>)]) throws(ExpositionError) -> SeriesLabels
    {
        for pair in pairs {
            guard unsafe ByteClass.isUTF8(UnsafeBufferPointer(rebasing: bytes[pair.name])),
                unsafe ByteClass.isUTF8(UnsafeBufferPointer(rebasing: bytes[pair.value]))
            else { throw error(.invalidUTF8) }
        }
        pairs.sort { unsafe bytes[$0.name].lexicographicallyPrecedes(bytes[$1.name]) }
        for (left, right) in zip(pairs, pairs.dropFirst()) {
            if unsafe bytes[left.name].elementsEqual(bytes[right.name]) { throw error(.duplicateLabelName) }
        }
        if pairs.contains(where: { unsafe bytes[$0.name].elementsEqual("__name__".utf8) }) {
            throw error(.reservedLabelName)
        }
        return unsafe SeriesLabels(sorted: pairs, in: bytes)
    }

    private func plainValue() throws(ExpositionError) -> Double {
        var decoder = self
        var value = 0.0
        while let (number, field) = try decoder.next() {
            if number == 1 { value = try decoder.double(field) }
        }
        return value
    }

    private func counter(into metric: inout Metric) throws(ExpositionError) {
        var decoder = self
        var value = 0.0
        while let (number, field) = try decoder.next() {
            switch number {
            case 1: value = try decoder.double(field)
            case 2: metric.exemplar = try decoder.exemplar(field)
            case 3: metric.createdMilliseconds = try decoder.timestamp(field)
            default: break
            }
        }
        metric.value = .number(value)
    }

    private func summary(into metric: inout Metric) throws(ExpositionError) {
        var decoder = self
        var summary = MetricSummary(count: 0, sum: 0)
        while let (number, field) = try decoder.next() {
            switch number {
            case 1: summary.count = Double(try decoder.number(field))
            case 2: summary.sum = try decoder.double(field)
            case 3:
                var inner = decoder.nested(try decoder.range(field))
                var quantile = MetricSummary.Quantile(quantile: 0, value: 0)
                while let (number, field) = try inner.next() {
                    if number == 1 { quantile.quantile = try inner.double(field) }
                    if number == 2 { quantile.value = try inner.double(field) }
                }
                summary.quantiles.append(quantile)
            case 4: metric.createdMilliseconds = try decoder.timestamp(field)
            default: break
            }
        }
        metric.value = .summary(summary)
    }

    func exemplar(_ field: Field) throws(ExpositionError) -> Exemplar {
        var decoder = nested(try range(field))
        var pairs: [(name: Range<Int>, value: Range<Int>)] = []
        var exemplar = Exemplar(labels: .none, value: 0)
        while let (number, field) = try decoder.next() {
            switch number {
            case 1: pairs.append(try decoder.labelPair(field))
            case 2: exemplar.value = try decoder.double(field)
            case 3: exemplar.timestampMilliseconds = try decoder.timestamp(field)
            default: break
            }
        }
        exemplar.labels = try labels(&pairs)
        return exemplar
    }

    /// `google.protobuf.Timestamp`, cut to milliseconds.
    func timestamp(_ field: Field) throws(ExpositionError) -> Int64 {
        var decoder = nested(try range(field))
        var seconds: Int64 = 0
        var nanoseconds: Int64 = 0
        while let (number, field) = try decoder.next() {
            switch number {
            case 1: seconds = Int64(bitPattern: try decoder.number(field))
            case 2: nanoseconds = Int64(bitPattern: try decoder.number(field))
            default: break
            }
        }
        let (milliseconds, tooLarge) = seconds.multipliedReportingOverflow(by: 1000)
        guard !tooLarge, (0..<1_000_000_000).contains(nanoseconds) else { throw decoder.error(.invalidTimestamp) }
        let (sum, overflow) = milliseconds.addingReportingOverflow(nanoseconds / 1_000_000)
        guard !overflow else { throw decoder.error(.invalidTimestamp) }
        return sum
    }
}
