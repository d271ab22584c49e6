// SPDX-License-Identifier: Apache-2.0

/// Reads `io.prometheus.client.MetricFamily` messages, each after its length, piece by piece as they arrive.
///
/// Kept between pieces is at most one unfinished metric; a length is only ever compared, never trusted with memory.
/// Classic and native histograms come together where a service sends both.
public struct ProtobufReader: Sendable {
    /// Gets each metric with its family, whose `metrics` are empty. Returns false to stop, for a limit.
    public typealias Handler = (_ family: MetricFamily, _ metric: Metric) -> Bool

    /// The largest metric accepted, in bytes.
    public let longestMetric: Int
    /// Families begun so far.
    public private(set) var familiesRead = 0
    /// Metrics read so far; a histogram counts once.
    public private(set) var metricsRead = 0

    private var buffer: [UInt8] = []
    /// Bytes left of the family; nil between families.
    private var remaining: Int?
    private var consumed = 0
    private var family = MetricFamily(name: "", kind: .unknown)

    /// Creates a reader for one body.
    /// - Parameter longestMetric: the largest metric accepted, in bytes.
    public init(longestMetric: Int = 1 << 20) {
        self.longestMetric = longestMetric
    }

    /// Reads what has arrived.
    /// - Parameters:
    ///   - chunk: the next bytes.
    ///   - handler: gets the metrics.
    /// - Returns: false when the handler stopped.
    /// - Throws: what is wrong; `line` is the number of the family, `column` the byte in it.
    public mutating func read(_ chunk: Span<UInt8>, _ handler: Handler) throws(ExpositionError) -> Bool {
        unsafe chunk.withUnsafeBufferPointer { unsafe buffer.append(contentsOf: $0) }
        var bytes: [UInt8] = []
        swap(&bytes, &buffer)
        var position = 0
        var goesOn = true
        try unsafe bytes.withUnsafeBufferPointer { bytes throws(ExpositionError) in
            while goesOn, try unsafe step(bytes, &position, handler, &goesOn) {}
        }
        bytes.removeFirst(position)
        swap(&bytes, &buffer)
        return goesOn
    }

    /// Says that the body is over.
    /// - Throws: `truncatedMessage` when it ended within a message.
    public func end() throws(ExpositionError) {
        guard buffer.isEmpty, remaining == nil else {
            throw ExpositionError(.truncatedMessage, line: familiesRead, column: consumed + 1)
        }
    }

    /// Reads a whole body.
    /// - Parameter body: the messages.
    /// - Returns: the families with their metrics.
    /// - Throws: what is wrong.
    public static func families(in body: Span<UInt8>) throws(ExpositionError) -> [MetricFamily] {
        var families: [MetricFamily] = []
        var reader = ProtobufReader(longestMetric: body.count)
        _ = try reader.read(body) { family, metric in
            if families.last?.name != family.name { families.append(family) }
            families[families.count - 1].metrics.append(metric)
            return true
        }
        try reader.end()
        return families
    }

    // MARK: Steps

    /// Reads one length or one field. False when the rest of it has not arrived.
    private mutating func step(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ position: inout Int,
        _ handler: Handler,
        _ goesOn: inout Bool
    ) throws(ExpositionError) -> Bool {
        var decoder = unsafe WireDecoder(
            bytes,
            range: position..<bytes.count,
            message: familiesRead,
            offset: consumed - position
        )
        guard let left = remaining else {
            guard unsafe Self.hasVarint(bytes, position) else { return false }
            familiesRead += 1
            consumed = 0
            decoder = unsafe WireDecoder(
                bytes,
                range: position..<bytes.count,
                message: familiesRead,
                offset: -position
            )
            let length = try decoder.varint()
            guard length <= UInt64(Int32.max) else { throw decoder.error(.messageTooLong) }
            position = decoder.position
            family = MetricFamily(name: "", kind: .unknown)
            remaining = length == 0 ? nil : Int(length)
            return true
        }
        let start = position
        guard unsafe Self.hasVarint(bytes, position) else { return false }
        let tag = try decoder.varint()
        guard unsafe Self.hasVarint(bytes, decoder.position) || tag & 7 == 1 || tag & 7 == 5 else { return false }
        var size: Int
        switch tag & 7 {
        case 0: size = try decoder.fieldEnd() - start
        case 1: size = decoder.position + 8 - start
        case 5: size = decoder.position + 4 - start
        case 2:
            let length = try decoder.varint()
            guard length <= UInt64(left) else { throw decoder.error(.truncatedMessage) }
            guard length <= UInt64(longestMetric) else { throw decoder.error(.messageTooLong) }
            size = decoder.position + Int(length) - start
        default: throw decoder.error(.invalidMessage)
        }
        guard size <= left else { throw decoder.error(.truncatedMessage) }
        guard bytes.count - start >= size else { return false }
        var field = unsafe WireDecoder(
            bytes,
            range: start..<(start + size),
            message: familiesRead,
            offset: consumed - start
        )
        if let (number, value) = try field.next() { goesOn = try take(number, value, field, handler) }
        position = start + size
        consumed += size
        remaining = left == size ? nil : left - size
        return true
    }

    private static func hasVarint(_ bytes: UnsafeBufferPointer<UInt8>, _ position: Int) -> Bool {
        var index = position
        while index < bytes.count, index < position + 10 {
            if unsafe bytes[index] < 0x80 { return true }
            index += 1
        }
        // Ten bytes without an end are an error, which the decoder reports.
        return index == position + 10
    }

    private mutating func take(
        _ number: UInt64,
        _ value: WireDecoder.Field,
        _ decoder: WireDecoder,
        _ handler: Handler
    ) throws(ExpositionError) -> Bool {
        switch number {
        case 1: family.name = try decoder.text(value)
        case 2: family.help = try decoder.text(value)
        case 3:
            guard let kind = MetricKind(protobufNumber: try decoder.number(value)) else {
                throw decoder.error(.invalidType)
            }
            family.kind = kind
        case 4:
            guard !family.name.isEmpty else { throw decoder.error(.invalidName) }
            let metric = try decoder.nested(try decoder.range(value)).metric()
            metricsRead += 1
            return handler(family, metric)
        case 5: family.unit = try decoder.text(value)
        default: break
        }
        return true
    }
}

extension WireDecoder {
    /// Where the varint here ends.
    fileprivate func fieldEnd() throws(ExpositionError) -> Int {
        var copy = self
        _ = try copy.varint()
        return copy.position
    }
}
