// SPDX-License-Identifier: Apache-2.0

import Exposition
import TimeSeries

/// Reads bodies in the text formats, piece by piece. Nothing of a body is kept but its layout and, for each of its
/// samples, where it goes in the store.
final class TextIngest {
    private let intake: SeriesIntake
    private let metadata: MetadataNotes
    private let appender: SeriesAppender
    private var reader: LayoutReader
    /// Where the samples of the last whole body go; nil for those that relabelling drops.
    private var destinations: [SeriesReference?] = []
    /// The same for the body being read, once it differs from the last one.
    private var rebuilt: [SeriesReference?]?
    private var position = 0
    private var encoding = ExpositionFormat.Encoding.text
    private var failure: ScrapeFailure?
    private var malformed: ExpositionError?

    init(intake: SeriesIntake, metadata: MetadataNotes, seed: UInt64) {
        self.intake = intake
        self.metadata = metadata
        appender = intake.fastAppender
        reader = LayoutReader(seed: seed)
    }

    func begin(_ encoding: ExpositionFormat.Encoding) {
        self.encoding = encoding
        reader.begin(encoding)
        rebuilt = nil
        position = 0
        failure = nil
        malformed = nil
    }

    func read(_ chunk: Span<UInt8>) throws(ScrapeFailure) {
        var reader = reader
        self.reader = LayoutReader()
        defer { self.reader = reader }
        do throws(ExpositionError) {
            _ = try reader.read(chunk) { handle($0, $1, $2) }
        } catch {
            throw ScrapeFailure(error)
        }
        try rethrow(line: reader.cursor.line)
    }

    func end() throws(ScrapeFailure) {
        var reader = reader
        self.reader = LayoutReader()
        defer { self.reader = reader }
        let changed: Bool?
        do throws(ExpositionError) {
            changed = try reader.end { handle($0, $1, $2) }
        } catch {
            throw ScrapeFailure(error)
        }
        try rethrow(line: reader.cursor.line)
        if changed == true { adopt() }
    }

    func abandon(keepingMore: Bool) {
        if reader.abandon(keepingMore: keepingMore) { adopt() }
        rebuilt = nil
    }

    /// What was read is what the next body is compared with.
    private func adopt() {
        destinations = rebuilt ?? Array(destinations.prefix(position))
        rebuilt = nil
    }

    /// Forgets everything known of the target's bodies: the store has dropped series that the destinations name.
    func forget() {
        reader = LayoutReader(seed: UInt64.random(in: .min ... .max))
        destinations.removeAll()
        rebuilt = nil
    }

    // MARK: Events

    private func handle(_ event: LayoutReader.Event, _ block: Span<UInt8>, _ values: Span<Double>) -> Bool {
        switch event {
        case .known(let range): return known(range, values)
        case .sample(let previous, let series, let value, let timestamp, _):
            return sample(previous, block.extracting(series), value, timestamp)
        case .metadata(let entry):
            metadata.note(entry, block, encoding)
            return true
        }
    }

    private func known(_ range: Range<Int>, _ values: Span<Double>) -> Bool {
        guard isCounted(range.count) else { return false }
        intake.countKept(appender.append(destinations[range], values))
        take(range)
        return true
    }

    private func sample(_ previous: Int?, _ series: Span<UInt8>, _ value: Double, _ timestamp: Int64?) -> Bool {
        guard isCounted(1) else { return false }
        let destination: SeriesReference?
        if let previous {
            destination = destinations[previous]
            take(previous..<(previous + 1))
        } else {
            do throws(ScrapeFailure) {
                destination = try resolve(series)
            } catch {
                failure = error
                return false
            }
            startRebuilding()
            rebuilt?.append(destination)
        }
        if let destination { intake.append(destination, value, timestamp) }
        return true
    }

    private func isCounted(_ samples: Int) -> Bool {
        do throws(ScrapeFailure) {
            try intake.count(samples)
            return true
        } catch {
            failure = error
            return false
        }
    }

    /// The samples of the last body that come again, in place or not.
    private func take(_ range: Range<Int>) {
        if rebuilt != nil {
            rebuilt?.append(contentsOf: destinations[range])
        } else if range.lowerBound == position {
            position = range.upperBound
        } else {
            startRebuilding()
            rebuilt?.append(contentsOf: destinations[range])
        }
    }

    private func startRebuilding() {
        if rebuilt == nil { rebuilt = Array(destinations.prefix(position)) }
    }

    private func resolve(_ bytes: Span<UInt8>) throws(ScrapeFailure) -> SeriesReference? {
        let series: ExpositionSeries
        do throws(ExpositionError) {
            series = try ExpositionSeries(decoding: bytes)
        } catch {
            // The reader is busy with this very line; its number is filled in when it has stopped.
            malformed = error
            throw ScrapeFailure(error)
        }
        return try intake.resolve(series)
    }

    /// What a handler found wrong, with the line at which the reader stopped.
    private func rethrow(line: Int) throws(ScrapeFailure) {
        if let malformed {
            self.malformed = nil
            throw ScrapeFailure(ExpositionError(malformed.problem, line: line, column: malformed.column))
        }
        if let failure { throw failure }
    }
}

extension ScrapeFailure {
    init(_ error: ExpositionError) { self.init(.parse, error.description) }
}
