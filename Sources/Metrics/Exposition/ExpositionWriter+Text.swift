// SPDX-License-Identifier: Apache-2.0

extension ExpositionWriter {
    enum Number {
        case whole(UInt64), double(Double)
    }

    /// Writes one line. The room for all its parts is made once; then everything is stores.
    @inline(__always)
    mutating func writeLine(
        _ suffix: StaticString,
        _ labels: borrowing SeriesLabels,
        extra: [UInt8]? = nil,
        number: Number,
        _ timestamp: Int64?,
        _ exemplar: Exemplar?
    ) {
        if _slowPath(!labels.isClassic && format.escaping != .allowUTF8) {
            let escaped = labels.escaped(by: format.escaping)
            return writePlainLine(suffix, escaped, extra: extra, number: number, timestamp, exemplar)
        }
        writePlainLine(suffix, labels, extra: extra, number: number, timestamp, exemplar)
    }

    private mutating func writePlainLine(
        _ suffix: StaticString,
        _ labels: borrowing SeriesLabels,
        extra: [UInt8]?,
        number: Number,
        _ timestamp: Int64?,
        _ exemplar: Exemplar?
    ) {
        let isQuoted = family.isQuoted
        let nameLength = family.sampleName.count
        let room = nameLength &+ suffix.utf8CodeUnitCount &+ labels.text.count &+ (extra?.count ?? 0)
        var end = unsafe output.reserve(room &+ 2 &* NumberRendering.longestNumber &+ 16)
        let needsBraces = isQuoted || !labels.text.isEmpty || extra != nil
        if isQuoted {
            unsafe Self.put(UInt8(ascii: "{"), &end)
            unsafe Self.put(UInt8(ascii: "\""), &end)
        }
        unsafe Self.put(family.sampleName, &end)
        unsafe end.update(from: suffix.utf8Start, count: suffix.utf8CodeUnitCount)
        unsafe end += suffix.utf8CodeUnitCount
        if isQuoted { unsafe Self.put(UInt8(ascii: "\""), &end) }
        if needsBraces {
            if !isQuoted { unsafe Self.put(UInt8(ascii: "{"), &end) }
            if !labels.text.isEmpty {
                if isQuoted { unsafe Self.put(UInt8(ascii: ","), &end) }
                unsafe Self.put(labels.text, &end)
            }
            if let extra {
                if isQuoted || !labels.text.isEmpty { unsafe Self.put(UInt8(ascii: ","), &end) }
                unsafe Self.put(extra, &end)
            }
            unsafe Self.put(UInt8(ascii: "}"), &end)
        }
        unsafe Self.put(UInt8(ascii: " "), &end)
        switch number {
        case .whole(let value): unsafe end = NumberRendering.write(value, to: end)
        case .double(let value): unsafe end = NumberRendering.write(value, to: end)
        }
        if let timestamp {
            unsafe Self.put(UInt8(ascii: " "), &end)
            if isOpenMetrics {
                unsafe end = NumberRendering.writeSeconds(milliseconds: timestamp, to: end)
            } else {
                unsafe end = NumberRendering.write(timestamp, to: end)
            }
        }
        unsafe output.advance(to: end)
        if let exemplar, isOpenMetrics { write(exemplar) }
        output.append(UInt8(ascii: "\n"))
    }

    mutating func writeCreated(_ labels: borrowing SeriesLabels, _ milliseconds: Int64?) {
        guard let milliseconds, isOpenMetrics, kind != .gauge, kind != .unknown, kind != .gaugeHistogram else { return }
        if kind == .counter, !isCounterNamedTotal { return }
        if !labels.isClassic, format.escaping != .allowUTF8 {
            return writeCreatedLine(labels.escaped(by: format.escaping), milliseconds)
        }
        writeCreatedLine(labels, milliseconds)
    }

    private mutating func writeCreatedLine(_ labels: borrowing SeriesLabels, _ milliseconds: Int64) {
        output.append(family.isQuoted ? "{\"" : "")
        output.append(family.baseName)
        output.append("_created")
        output.append(family.isQuoted ? "\"" : labels.isEmpty ? "" : "{")
        if family.isQuoted, !labels.isEmpty { output.append(",") }
        output.append(labels.text)
        if family.isQuoted || !labels.isEmpty { output.append("}") }
        output.append(" ")
        let start = unsafe output.reserve(NumberRendering.longestNumber)
        unsafe output.advance(to: NumberRendering.writeSeconds(milliseconds: milliseconds, to: start))
        output.append("\n")
    }

    private var isCounterNamedTotal: Bool { family.baseName.count != family.sampleName.count }

    private mutating func write(_ exemplar: Exemplar) {
        guard exemplar.labels.scalarCount <= Exemplar.longestLabels else { return countDroppedExemplar() }
        output.append(" # {")
        if !exemplar.labels.isClassic, format.escaping != .allowUTF8 {
            output.append(exemplar.labels.escaped(by: format.escaping).text)
        } else {
            output.append(exemplar.labels.text)
        }
        output.append("} ")
        var end = unsafe output.reserve(2 &* NumberRendering.longestNumber)
        unsafe end = NumberRendering.write(exemplar.value, to: end)
        if let milliseconds = exemplar.timestampMilliseconds {
            unsafe Self.put(UInt8(ascii: " "), &end)
            unsafe end = NumberRendering.writeSeconds(milliseconds: milliseconds, to: end)
        }
        unsafe output.advance(to: end)
    }

    @inline(__always)
    private static func put(_ byte: UInt8, _ end: inout UnsafeMutablePointer<UInt8>) {
        unsafe end.pointee = byte
        unsafe end += 1
    }

    @inline(__always)
    private static func put(_ bytes: [UInt8], _ end: inout UnsafeMutablePointer<UInt8>) {
        let count = bytes.count
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let start = source.baseAddress else { return }
            unsafe end.update(from: start, count: count)
        }
        unsafe end += count
    }
}
