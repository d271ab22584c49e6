// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Writes the messages of remote write 1.0 (`prometheus.WriteRequest` and what it holds).
///
/// By hand: five messages with some thirty fields, of which the labels are written once for each series and copied from
/// then on. Fields with their default value are left out, as proto3 does.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    private enum Wire { static let varint: UInt64 = 0, fixed: UInt64 = 1, length: UInt64 = 2 }

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    private mutating func tag(_ field: UInt64, _ wire: UInt64) { varint(field << 3 | wire) }

    private mutating func number(_ field: UInt64, _ value: UInt64) {
        guard value != 0 else { return }
        tag(field, Wire.varint)
        varint(value)
    }

    private mutating func signed(_ field: UInt64, _ value: Int32) {
        number(field, UInt64(UInt32(bitPattern: value << 1 ^ value >> 31)))
    }

    private mutating func raw(_ value: Double) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
        }
    }

    /// -0 is not the default value.
    private mutating func double(_ field: UInt64, _ value: Double, always: Bool = false) {
        guard always || value.bitPattern != 0 else { return }
        tag(field, Wire.fixed)
        raw(value)
    }

    mutating func data(_ field: UInt64, _ value: some Collection<UInt8>) {
        tag(field, Wire.length)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    private mutating func text(_ field: UInt64, _ value: some Collection<UInt8>) {
        if !value.isEmpty { data(field, value) }
    }

    // MARK: Messages

    /// `TimeSeries.labels`, in the order of their names.
    mutating func labels(_ labels: Labels) {
        labels.forEachUTF8 { name, value in
            var label = WireWriter()
            label.text(1, name)
            label.text(2, value)
            data(1, label.bytes)
        }
    }

    /// `TimeSeries.samples`.
    mutating func sample(_ value: Double, at timestamp: Timestamp) {
        var sample = WireWriter()
        sample.double(1, value)
        sample.number(2, UInt64(bitPattern: timestamp.milliseconds))
        data(2, sample.bytes)
    }

    /// `TimeSeries.histograms`.
    mutating func histogram(_ histogram: FloatHistogram, at timestamp: Timestamp) {
        var message = WireWriter()
        // One of two each, so written even when zero.
        message.double(2, histogram.count, always: true)
        message.double(3, histogram.sum)
        message.signed(4, histogram.schema)
        message.double(5, histogram.zeroThreshold)
        message.double(7, histogram.zeroCount, always: true)
        message.spans(8, histogram.negativeSpans)
        message.doubles(10, histogram.negativeBuckets)
        message.spans(11, histogram.positiveSpans)
        message.doubles(13, histogram.positiveBuckets)
        message.number(14, UInt64(histogram.counterResetHint.rawValue))
        message.number(15, UInt64(bitPattern: timestamp.milliseconds))
        message.doubles(16, histogram.customValues)
        data(4, message.bytes)
    }

    private mutating func spans(_ field: UInt64, _ spans: [FloatHistogram.Span]) {
        for span in spans {
            var message = WireWriter()
            message.signed(1, span.offset)
            message.number(2, UInt64(span.length))
            data(field, message.bytes)
        }
    }

    private mutating func doubles(_ field: UInt64, _ values: [Double]) {
        guard !values.isEmpty else { return }
        tag(field, Wire.length)
        varint(UInt64(values.count * 8))
        for value in values { raw(value) }
    }

    /// `WriteRequest.metadata`.
    mutating func metadata(_ entry: RemoteMetadata) {
        var message = WireWriter()
        message.number(1, RemoteMetadata.types.firstIndex(of: entry.type).map { UInt64($0) } ?? 0)
        message.text(2, entry.family.utf8)
        message.text(4, entry.help.utf8)
        message.text(5, entry.unit.utf8)
        data(3, message.bytes)
    }
}

/// What a metric is, for the receiver.
package struct RemoteMetadata: Hashable, Sendable {
    /// In the order of the protocol's numbers.
    static let types = [
        "unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset",
    ]

    package var family: String
    package var type: String
    package var help: String
    package var unit: String

    package init(family: String, type: String, help: String, unit: String) {
        self.family = family
        self.type = type
        self.help = help
        self.unit = unit
    }
}
