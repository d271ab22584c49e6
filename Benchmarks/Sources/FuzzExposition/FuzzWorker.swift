// SPDX-License-Identifier: Apache-2.0

import Exposition
import Glibc

/// One thread's share of the inputs.
struct FuzzWorker {
    private let seed: UInt64
    private let state: Int32
    private let number: Int
    private var corpus = FuzzCorpus()
    private var layouts: [LayoutReader]
    private var failures = 0

    init(seed: UInt64, number: Int) {
        self.seed = seed
        self.number = number
        self.state = open("fuzz-exposition.state", O_RDWR | O_CREAT, 0o644)
        self.layouts = [LayoutReader(longestLine: 400, seed: seed), LayoutReader(longestLine: 400, seed: seed &+ 1)]
    }

    mutating func run(_ inputs: Range<Int>) -> Int {
        for input in inputs {
            if input % 64 == 0 { note(input) }
            var random = FuzzRandom(state: seed &* 0x9e37_79b9 &+ UInt64(input))
            let (body, encoding) = corpus.next(using: &random)
            let isGood =
                encoding == .protobuf ? protobuf(body, &random) : text(body, encoding, &random)
            if !isGood {
                failures += 1
                print("input \(input): the readers differ on \(String(decoding: body, as: UTF8.self).debugDescription)")
            }
            if input % 1_000_000 == 0, input > inputs.lowerBound { print("thread \(number): \(input)") }
        }
        return failures
    }

    /// Leaves the number of the input under way in the file, rounded down to 64.
    private func note(_ input: Int) {
        var value = Int64(input)
        withUnsafeBytes(of: &value) { _ = pwrite(state, $0.baseAddress, 8, off_t(number * 8)) }
    }

    private struct Sum: Equatable {
        var samples = 0
        var hash: UInt64 = 0
        var error: String?

        mutating func add(_ value: Double, _ timestamp: Int64?) {
            samples += 1
            hash = (hash ^ value.bitPattern &+ UInt64(bitPattern: timestamp ?? 1)) &* 0x0000_0100_0000_01b3
        }
    }

    private mutating func text(
        _ body: [UInt8],
        _ encoding: ExpositionFormat.Encoding,
        _ random: inout FuzzRandom
    ) -> Bool {
        var expected = Sum()
        var cursor = ExpositionCursor(encoding, isStrict: random.below(8) == 0)
        do {
            while let entry = try cursor.next(in: body.span) {
                switch entry {
                case .sample(let series, let value, let timestamp):
                    expected.add(value, timestamp)
                    _ = try? ExpositionSeries(decoding: body.span.extracting(series), line: cursor.line)
                    if let exemplar = cursor.exemplar {
                        _ = try? ExpositionSeries.decodeLabels(body.span.extracting(exemplar.labels))
                    }
                case .help(_, let text): _ = ExpositionSeries.decodeHelp(body.span.extracting(text), encoding: encoding)
                case .type, .unit, .comment: break
                }
            }
            try cursor.finish()
        } catch {
            expected.error = error.description
        }
        if random.below(4) == 0 { _ = try? ExpositionLinter.lint(body.span, encoding: encoding) }
        if random.below(8) == 0, let families = try? FamilyReader.families(in: body.span, encoding: encoding) {
            var writer = ExpositionWriter(format: .init(encoding, escaping: .allowUTF8))
            for family in families { writer.write(family) }
            writer.finish()
            let rendered = writer.bytes
            // What was read can be written so that it is read again.
            guard (try? FamilyReader.families(in: rendered.span, encoding: encoding)) != nil else { return false }
        }
        guard !cursor.isStrict else { return true }
        let slot = encoding == .text ? 0 : 1
        let size = 1 + Int(random.below(300))
        let read = Self.read(&layouts[slot], body, encoding, size)
        // A line beyond the small limit is refused by the layout reader only.
        return read == expected || read.error?.hasSuffix("too long") == true
    }

    private static func read(
        _ reader: inout LayoutReader,
        _ body: [UInt8],
        _ encoding: ExpositionFormat.Encoding,
        _ size: Int
    ) -> Sum {
        var sum = Sum()
        func handle(_ event: LayoutReader.Event, _ block: Span<UInt8>, _ values: Span<Double>) -> Bool {
            switch event {
            case .known: for index in 0..<values.count { sum.add(values[index], nil) }
            case .sample(_, _, let value, let timestamp, _): sum.add(value, timestamp)
            case .metadata: break
            }
            return true
        }
        reader.begin(encoding)
        do {
            var start = 0
            while start < body.count {
                let end = min(body.count, start + size)
                _ = try reader.read(body.span.extracting(start..<end), handle)
                start = end
            }
            _ = try reader.end(handle)
        } catch {
            reader.abandon()
            sum.error = error.description
        }
        return sum
    }

    private mutating func protobuf(_ body: [UInt8], _ random: inout FuzzRandom) -> Bool {
        let whole = try? ProtobufReader.families(in: body.span)
        var reader = ProtobufReader(longestMetric: body.count)
        var pieces = 0
        var isRead = true
        let size = 1 + Int(random.below(100))
        do {
            var start = 0
            while start < body.count {
                let end = min(body.count, start + size)
                _ = try reader.read(body.span.extracting(start..<end)) { _, _ in
                    pieces += 1
                    return true
                }
                start = end
            }
            try reader.end()
        } catch {
            isRead = false
        }
        guard isRead == (whole != nil) else { return false }
        guard let whole else { return true }
        guard pieces == whole.reduce(0, { $0 + $1.metrics.count }) else { return false }
        if random.below(8) == 0 {
            let encodings: [ExpositionFormat.Encoding] = [.text, .openMetrics, .protobuf]
            let encoding = encodings[Int(random.below(3))]
            var writer = ExpositionWriter(format: .init(encoding, escaping: .allowUTF8))
            for family in whole { writer.write(family) }
            writer.finish()
            let rendered = writer.bytes
            if encoding == .protobuf, (try? ProtobufReader.families(in: rendered.span)) == nil { return false }
        }
        return true
    }
}
