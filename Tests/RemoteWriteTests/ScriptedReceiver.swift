// SPDX-License-Identifier: Apache-2.0

import CSnappy
import HTTPClient
import RemoteWrite
import Synchronization
import TestSupport
import TimeSeries

/// A receiver that answers as it is told and reads what it takes.
final class ScriptedReceiver: Sendable {
    enum Answer: Sendable {
        case status(Int, retryAfter: Int? = nil)
        case failure(HTTPFailureReason)
    }

    struct Sample: Sendable {
        var timestamp: Int64
        var value: Double
        var histogram: FloatHistogram?

        var text: String { "\(timestamp) \(StaleMarker.isStale(value) ? "stale" : "\(value)")" }
    }

    struct Request: Sendable {
        var headers: [String: String]
        var body: [UInt8]
        var samples: Int
    }

    private struct State {
        var answers: [Answer] = []
        var requests: [Request] = []
        var series: [String: [Sample]] = [:]
        var sleeps: [Duration] = []
        var isTaken: @Sendable (Int) -> Bool = { _ in true }
    }

    private let state = Mutex(State())

    /// The next answers; 204 after them.
    var answers: [Answer] {
        get { state.withLock { $0.answers } }
        set { state.withLock { $0.answers = newValue } }
    }

    var requests: [Request] { state.withLock { $0.requests } }
    /// What was taken, by labels.
    var series: [String: [Sample]] { state.withLock { $0.series } }
    var sleeps: [Duration] { state.withLock { $0.sleeps } }

    /// By the number of the request: whether the receiver is there at all.
    var isTaken: @Sendable (Int) -> Bool {
        get { state.withLock { $0.isTaken } }
        set { state.withLock { $0.isTaken = newValue } }
    }

    func perform(_ request: HTTPRequest) throws(HTTPFailure) -> HTTPResponse {
        let body = request.body ?? []
        let content = WireReader.read(body)
        let answer = state.withLock { state -> Answer in
            let number = state.requests.count
            let headers = request.headers.map { ($0.name.lowercased(), $0.value) }
            state.requests.append(
                Request(
                    headers: Dictionary(headers, uniquingKeysWith: { $1 }),
                    body: body,
                    samples: content.reduce(0) { $0 + $1.samples.count }
                )
            )
            guard state.isTaken(number) else { return .failure(.connectRefused) }
            let answer = state.answers.isEmpty ? .status(204) : state.answers.removeFirst()
            if case .status(200..<300, _) = answer {
                for series in content { state.series[series.labels, default: []] += series.samples }
            }
            return answer
        }
        switch answer {
        case .failure(let reason): throw HTTPFailure(reason, "")
        case .status(let status, let retryAfter):
            var report = HTTPTransferReport()
            report.retryAfter = retryAfter
            return HTTPResponse(head: HTTPResponseHead(status: status), body: [], report: report)
        }
    }

    /// Does not wait; a receiver that is gone ends the sending as a cancelled task does.
    func sleep(_ duration: Duration) throws {
        let isGone = state.withLock { state in
            state.sleeps.append(duration)
            return !state.isTaken(state.requests.count - 1)
        }
        if isGone { throw CancellationError() }
    }
}

/// A store with one source whose commits go to a destination.
final class Source {
    static let base = Timestamp(milliseconds: 1_700_000_000_000)

    let store = TimeSeriesStore()
    let destination: RemoteWriteDestination
    private let appender: SeriesAppender
    private let clock = Clock()

    private final class Clock: Sendable {
        let now = Mutex(Source.base)
    }

    init(
        _ receiver: ScriptedReceiver,
        _ configuration: RemoteWriteConfiguration,
        directory: (any StorageDirectory)? = nil,
        transform: @escaping @Sendable (Labels) -> Labels? = { $0 }
    ) throws {
        var configuration = configuration
        configuration.queue.batchDeadline = .zero
        let clock = clock
        destination = RemoteWriteDestination(
            configuration,
            directory: directory,
            environment: .init(
                perform: { request throws(HTTPFailure) in try receiver.perform(request) },
                now: { clock.now.withLock { $0 } },
                sleep: { try receiver.sleep($0) }
            ),
            transform: transform
        )
        let hub = RemoteWriteHub()
        store.observe(with: hub)
        hub.open([destination])
        appender = store.appender(source: "test")
    }

    func advance(by duration: Duration) { clock.now.withLock { $0 = $0 + duration } }

    /// Commits one value for each name at a second after the base.
    func commit(_ second: Int, _ values: [String: Double], _ more: (SeriesAppender) throws -> Void = { _ in }) throws {
        let now = Self.base + .seconds(second)
        clock.now.withLock { $0 = now }
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            appender.append(try appender.series(["__name__": name, "i": name]), value)
        }
        try more(appender)
        try appender.commit(at: now)
    }
}

/// Reads the protocol's messages, independently of what writes them.
enum WireReader {
    struct Series {
        var labels: String
        var samples: [ScriptedReceiver.Sample]
    }

    private struct Field {
        var number: UInt64
        var value: UInt64
        var bytes: ArraySlice<UInt8>
    }

    static func read(_ compressed: [UInt8]) -> [Series] {
        guard let bytes = decompress(compressed) else { return [] }
        return fields(bytes[...]).filter { $0.number == 1 }.map { series($0.bytes) }
    }

    private static func decompress(_ bytes: [UInt8]) -> [UInt8]? {
        unsafe bytes.withUnsafeBytes { input -> [UInt8]? in
            let start = unsafe input.assumingMemoryBound(to: CChar.self).baseAddress
            var length = 0
            guard unsafe snappy_uncompressed_length(start, input.count, &length) == SNAPPY_OK else { return nil }
            return unsafe [UInt8](unsafeUninitializedCapacity: length) { room, count in
                var size = room.count
                let output = unsafe UnsafeMutableRawPointer(room.baseAddress)?.assumingMemoryBound(to: CChar.self)
                count = unsafe snappy_uncompress(start, input.count, output, &size) == SNAPPY_OK ? size : 0
            }
        }
    }

    private static func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt64 {
        var value: UInt64 = 0, shift: UInt64 = 0
        while let byte = bytes.popFirst() {
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { break }
            shift += 7
        }
        return value
    }

    private static func fixed(_ bytes: inout ArraySlice<UInt8>) -> UInt64 {
        var value: UInt64 = 0
        for shift in 0..<8 { value |= UInt64(bytes.popFirst() ?? 0) << UInt64(shift * 8) }
        return value
    }

    private static func fields(_ message: ArraySlice<UInt8>) -> [Field] {
        var rest = message
        var result: [Field] = []
        while !rest.isEmpty {
            let tag = varint(&rest)
            switch tag & 7 {
            case 0: result.append(Field(number: tag >> 3, value: varint(&rest), bytes: []))
            case 1: result.append(Field(number: tag >> 3, value: fixed(&rest), bytes: []))
            case 2:
                let length = Int(varint(&rest))
                result.append(Field(number: tag >> 3, value: 0, bytes: rest.prefix(length)))
                rest = rest.dropFirst(length)
            default: return result
            }
        }
        return result
    }

    private static func signed(_ value: UInt64) -> Int32 {
        Int32(truncatingIfNeeded: value >> 1) ^ -Int32(truncatingIfNeeded: value & 1)
    }

    private static func series(_ message: ArraySlice<UInt8>) -> Series {
        var pairs: [(String, String)] = []
        var samples: [ScriptedReceiver.Sample] = []
        for field in fields(message) {
            let inner = fields(field.bytes)
            switch field.number {
            case 1:
                func text(_ number: UInt64) -> String {
                    String(decoding: inner.first { $0.number == number }?.bytes ?? [], as: UTF8.self)
                }
                pairs.append((text(1), text(2)))
            case 2:
                let value = inner.first { $0.number == 1 }.map { Double(bitPattern: $0.value) } ?? 0
                let time = inner.first { $0.number == 2 }.map { Int64(bitPattern: $0.value) } ?? 0
                samples.append(.init(timestamp: time, value: value))
            case 4: samples.append(histogram(inner))
            default: break
            }
        }
        return Series(labels: "\(Labels(pairs))", samples: samples)
    }

    private static func histogram(_ fields: [Field]) -> ScriptedReceiver.Sample {
        var histogram = FloatHistogram()
        var time: Int64 = 0
        func doubles(_ bytes: ArraySlice<UInt8>) -> [Double] {
            var rest = bytes
            return (0..<(bytes.count / 8)).map { _ in Double(bitPattern: fixed(&rest)) }
        }
        func span(_ bytes: ArraySlice<UInt8>) -> FloatHistogram.Span {
            let inner = self.fields(bytes)
            return FloatHistogram.Span(
                offset: inner.first { $0.number == 1 }.map { signed($0.value) } ?? 0,
                length: UInt32(truncatingIfNeeded: inner.first { $0.number == 2 }?.value ?? 0)
            )
        }
        for field in fields {
            switch field.number {
            case 2: histogram.count = Double(bitPattern: field.value)
            case 3: histogram.sum = Double(bitPattern: field.value)
            case 4: histogram.schema = signed(field.value)
            case 5: histogram.zeroThreshold = Double(bitPattern: field.value)
            case 7: histogram.zeroCount = Double(bitPattern: field.value)
            case 8: histogram.negativeSpans.append(span(field.bytes))
            case 10: histogram.negativeBuckets = doubles(field.bytes)
            case 11: histogram.positiveSpans.append(span(field.bytes))
            case 13: histogram.positiveBuckets = doubles(field.bytes)
            case 14: histogram.counterResetHint = .init(rawValue: UInt8(truncatingIfNeeded: field.value)) ?? .unknown
            case 15: time = Int64(bitPattern: field.value)
            default: break
            }
        }
        return .init(timestamp: time, value: 0, histogram: histogram)
    }
}
