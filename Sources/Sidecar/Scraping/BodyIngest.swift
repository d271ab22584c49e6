// SPDX-License-Identifier: Apache-2.0

import Exposition
import TimeSeries

/// Turns the bodies of one target into appended samples, piece by piece as they arrive, in whatever format each comes.
final class BodyIngest {
    private let intake: SeriesIntake
    private let notes = MetadataNotes()
    private let text: TextIngest
    private let protobuf: ProtobufIngest
    private var encoding = ExpositionFormat.Encoding.text

    init(target: Labels, configuration: ScrapeConfiguration, appender: SeriesAppender, seed: UInt64) {
        intake = SeriesIntake(target: target, configuration: configuration, appender: appender)
        text = TextIngest(intake: intake, metadata: notes, seed: seed)
        protobuf = ProtobufIngest(intake: intake, metadata: notes)
    }

    /// Samples of the current body, before and after relabelling.
    var scraped: Int { intake.scraped }
    var kept: Int { intake.kept }
    /// Names of the metrics that the target has shown.
    var names: Set<String> { intake.names }
    var metadata: [String: MetricMetadata] { notes.metrics }
    var metadataChanged: Bool { notes.isChanged }

    func begin(_ encoding: ExpositionFormat.Encoding) {
        self.encoding = encoding
        intake.begin()
        notes.begin()
        if encoding == .protobuf { protobuf.begin() } else { text.begin(encoding) }
    }

    func read(_ chunk: Span<UInt8>) throws(ScrapeFailure) {
        if encoding == .protobuf { try protobuf.read(chunk) } else { try text.read(chunk) }
    }

    func end() throws(ScrapeFailure) {
        if encoding == .protobuf { try protobuf.end() } else { try text.end() }
    }

    /// - Parameter keepingMore: whether the body was good as far as it came, and what was learned of it is of use.
    func abandon(keepingMore: Bool = false) {
        if encoding == .protobuf { protobuf.abandon() } else { text.abandon(keepingMore: keepingMore) }
    }

    /// Ends what the configuration wants ended, before the commit.
    func endTracked(at timestamp: Timestamp, isFailed: Bool) {
        intake.endTracked(at: timestamp, isFailed: isFailed)
    }

    /// Forgets everything known of the target's bodies: the store has dropped series that it named.
    func forget() {
        intake.forget()
        text.forget()
        protobuf.forget()
    }
}
