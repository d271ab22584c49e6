// SPDX-License-Identifier: Apache-2.0

import Exposition

/// A body as a flat list of lines, for comparing what readers make of it.
struct Reading: Equatable {
    var samples: [String] = []
    var metadata: [String] = []
    var error: String?

    static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        unsafe bytes.extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }

    private static func sample(_ series: String, _ value: Double, _ timestamp: Int64?, _ exemplar: String?) -> String {
        series + " " + ExpositionNumber.text(value) + (timestamp.map { " @\($0)" } ?? "")
            + (exemplar.map { " #" + $0 } ?? "")
    }

    private static func exemplar(_ range: ExpositionCursor.ExemplarRange?, _ block: Span<UInt8>) -> String? {
        range.map {
            text(block, $0.labels) + " " + ExpositionNumber.text($0.value)
                + ($0.timestampMilliseconds.map { " @\($0)" } ?? "")
        }
    }

    private mutating func add(_ entry: ExpositionCursor.Entry, _ block: Span<UInt8>) {
        switch entry {
        case .type(let name, let kind): metadata.append("TYPE \(Self.text(block, name)) \(kind.rawValue)")
        case .help(let name, let text): metadata.append("HELP \(Self.text(block, name)) \(Self.text(block, text))")
        case .unit(let name, let text): metadata.append("UNIT \(Self.text(block, name)) \(Self.text(block, text))")
        case .sample, .comment: break
        }
    }

    /// With the cursor, from one block.
    static func cursor(_ body: [UInt8], _ encoding: ExpositionFormat.Encoding = .text, isStrict: Bool = false)
        -> Reading
    {
        var reading = Reading()
        var cursor = ExpositionCursor(encoding, isStrict: isStrict)
        do {
            while let entry = try cursor.next(in: body.span) {
                if case .sample(let series, let value, let timestamp) = entry {
                    let decoded = try ExpositionSeries(decoding: body.span.extracting(series), line: cursor.line)
                    precondition(!decoded.name.isEmpty, "a series has a name")
                    reading.samples.append(
                        sample(text(body.span, series), value, timestamp, exemplar(cursor.exemplar, body.span))
                    )
                } else {
                    reading.add(entry, body.span)
                }
            }
            try cursor.finish()
        } catch {
            reading.error = error.description
        }
        return reading
    }

    /// With the layout reader, in pieces; `previous` maps the numbers of the last body to what was read then.
    static func layout(
        _ body: [UInt8],
        _ encoding: ExpositionFormat.Encoding = .text,
        reader: inout LayoutReader,
        previous: inout [String],
        pieces: (Int) -> Int
    ) -> Reading {
        var reading = Reading()
        var series: [String] = []
        let known = previous
        func handle(_ event: LayoutReader.Event, _ block: Span<UInt8>, _ values: Span<Double>) -> Bool {
            switch event {
            case .known(let range):
                for (index, number) in range.enumerated() {
                    series.append(known[number])
                    reading.samples.append(sample(known[number], values[index], nil, nil))
                }
            case .sample(let number, let range, let value, let timestamp, let exemplar):
                let name = text(block, range)
                if let number { precondition(known[number] == name, "\(number) is \(known[number]), not \(name)") }
                series.append(name)
                reading.samples.append(sample(name, value, timestamp, Self.exemplar(exemplar, block)))
            case .metadata(let entry): reading.add(entry, block)
            }
            return true
        }
        reader.begin(encoding)
        do {
            var start = 0
            while start < body.count {
                let end = min(body.count, start + max(1, pieces(body.count)))
                _ = try reader.read(body.span.extracting(start..<end), handle)
                start = end
            }
            let changed = try reader.end(handle)
            if changed == true { previous = series }
            precondition(changed == true || series == known, "an unchanged layout has the same series")
        } catch {
            reader.abandon()
            reading.error = error.description
        }
        return reading
    }
}
