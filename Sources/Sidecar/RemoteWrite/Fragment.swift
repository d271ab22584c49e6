// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// A part of one commit, as it waits in the queue: samples of series, each ready to be sent.
///
/// An entry is the hash of its series, a length, and a `TimeSeries` message with one sample.
struct Fragment: Sendable {
    /// What is inside, compressed.
    var payload: [UInt8]
    var samples: Int
    /// The newest timestamp, in milliseconds.
    var newest: Int64

    static let headSize = 12
    /// Most bytes before compression; a larger entry stands alone.
    static let targetBytes = 256 << 10
    static let byteLimit = 64 << 20

    /// As it stands in a file, and back.
    var encoded: [UInt8] {
        var bytes = RecordFrame.bytes(UInt32(truncatingIfNeeded: samples))
        bytes += RecordFrame.bytes(UInt32(truncatingIfNeeded: newest))
        bytes += RecordFrame.bytes(UInt32(truncatingIfNeeded: newest >> 32))
        return bytes + payload
    }

    init(payload: [UInt8], samples: Int, newest: Int64) {
        self.payload = payload
        self.samples = samples
        self.newest = newest
    }

    init?(encoded bytes: [UInt8]) {
        guard bytes.count > Self.headSize else { return nil }
        samples = Int(RecordFrame.number(bytes, at: 0))
        let low = RecordFrame.number(bytes, at: 4), high = RecordFrame.number(bytes, at: 8)
        newest = Int64(bitPattern: UInt64(high) << 32 | UInt64(low))
        payload = Array(bytes[Self.headSize...])
    }

    /// Calls `body` for each entry with its series' hash and its message; false when the payload makes no sense.
    func forEach(_ body: (_ hash: UInt32, _ message: ArraySlice<UInt8>) -> Void) -> Bool {
        guard let bytes = Snappy.decompress(payload[...], limit: Self.byteLimit) else { return false }
        var offset = 0
        while offset < bytes.count {
            guard bytes.count - offset >= 8 else { return false }
            let hash = RecordFrame.number(bytes, at: offset)
            let length = Int(RecordFrame.number(bytes, at: offset + 4))
            offset += 8
            guard length <= bytes.count - offset else { return false }
            body(hash, bytes[offset..<(offset + length)])
            offset += length
        }
        return true
    }
}

/// Makes fragments of the commits of all sources; knows each series' labels in the form in which they are sent.
struct FragmentWriter {
    /// Applies external labels and `write_relabel_configs`; nil leaves the series out.
    let transform: @Sendable (Labels) -> Labels?
    let sendsHistograms: Bool
    private var series: [UInt32: [UInt32: Series]] = [:]
    private var bytes: [UInt8] = []
    private var samples = 0
    private var newest = Int64.min
    private var message = WireWriter()
    /// Samples of series that are left out, and histograms that are not sent.
    private(set) var filtered = 0
    private(set) var histogramsLeftOut = 0

    private struct Series {
        var hash: UInt32
        /// Empty when the series is left out.
        var labels: [UInt8]
    }

    init(sendsHistograms: Bool, transform: @escaping @Sendable (Labels) -> Labels?) {
        self.sendsHistograms = sendsHistograms
        self.transform = transform
    }

    mutating func forget(source: UInt32) { series[source] = nil }

    mutating func fragments(of commit: ObservedCommit) -> [Fragment] {
        var known = series.removeValue(forKey: commit.source) ?? [:]
        for new in commit.series { known[new.lane] = encode(new.labels) }
        var result: [Fragment] = []
        for float in commit.floats {
            add(known[float.lane], &result, commit.timestamp) { $0.sample(float.value, at: commit.timestamp) }
        }
        for sample in commit.aside {
            switch sample.value {
            case .float(let value):
                add(known[sample.lane], &result, sample.timestamp) { $0.sample(value, at: sample.timestamp) }
            case .histogram(let histogram):
                guard sendsHistograms else {
                    histogramsLeftOut += 1
                    continue
                }
                add(known[sample.lane], &result, sample.timestamp) { $0.histogram(histogram, at: sample.timestamp) }
            }
        }
        finish(&result)
        series[commit.source] = known
        return result
    }

    private func encode(_ labels: Labels) -> Series {
        guard let sent = transform(labels), !sent.isEmpty else { return Series(hash: 0, labels: []) }
        var writer = WireWriter()
        writer.labels(sent)
        let fingerprint = sent.fingerprint
        return Series(hash: UInt32(truncatingIfNeeded: fingerprint ^ fingerprint >> 32), labels: writer.bytes)
    }

    private mutating func add(
        _ series: Series?,
        _ result: inout [Fragment],
        _ timestamp: Timestamp,
        _ body: (inout WireWriter) -> Void
    ) {
        guard let series, !series.labels.isEmpty else {
            filtered += 1
            return
        }
        message.removeAll()
        body(&message)
        bytes += RecordFrame.bytes(series.hash)
        bytes += RecordFrame.bytes(UInt32(truncatingIfNeeded: series.labels.count + message.bytes.count))
        bytes += series.labels
        bytes += message.bytes
        samples += 1
        newest = max(newest, timestamp.milliseconds)
        if bytes.count >= Fragment.targetBytes { finish(&result) }
    }

    private mutating func finish(_ result: inout [Fragment]) {
        guard samples > 0 else { return }
        result.append(Fragment(payload: Snappy.compress(bytes), samples: samples, newest: newest))
        bytes.removeAll(keepingCapacity: true)
        samples = 0
        newest = .min
    }
}
