// SPDX-License-Identifier: Apache-2.0

import SidecarMetrics
import Synchronization

/// One finished request.
public struct AccessLogEntry: Sendable {
    /// The method as the client sent it.
    public var method: String
    /// Path without the query, which may hold secrets.
    public var path: String
    /// The route's template.
    public var route: String
    /// Status; 499 when the client went away.
    public var status: Int
    /// How long it took.
    public var nanoseconds: Int64
    /// Bytes of the response's body, if known.
    public var responseBytes: Int?
    /// Why it failed; empty when it did not.
    public var errorType: String
    /// The trace it belongs to.
    public var traceID: String?
    /// Hummingbird's number of the request.
    public var requestID: String?

    init(
        method: String,
        path: String,
        route: String,
        status: Int,
        nanoseconds: Int64,
        responseBytes: Int?,
        errorType: String,
        traceID: String?,
        requestID: String?
    ) {
        self.method = method
        let end = path.utf8.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? path.utf8.endIndex
        self.path = String(path[..<end])
        self.route = route
        self.status = status
        self.nanoseconds = nanoseconds
        self.responseBytes = responseBytes
        self.errorType = errorType
        self.traceID = traceID
        self.requestID = requestID
    }

    /// The entry as one line of JSON with a line feed.
    /// - Parameter unixMilliseconds: when the request ended.
    public func line(unixMilliseconds: Int64) -> [UInt8] {
        var json = JSONLine()
        json.field("time", "\(unixMilliseconds / 1_000).\(Self.thousandths(unixMilliseconds))", isText: false)
        json.field("method", method)
        json.field("path", path)
        json.field("route", route)
        json.field("status", String(status), isText: false)
        let microseconds = nanoseconds / 1_000
        json.field("duration_ms", "\(microseconds / 1_000).\(Self.thousandths(microseconds))", isText: false)
        if let responseBytes { json.field("response_bytes", String(responseBytes), isText: false) }
        if !errorType.isEmpty { json.field("error_type", errorType) }
        if let traceID { json.field("trace_id", traceID) }
        if let requestID { json.field("request_id", requestID) }
        return json.finished
    }

    private static func thousandths(_ value: Int64) -> String {
        let digits = String(abs(value % 1_000))
        return String(repeating: "0", count: 3 - digits.utf8.count) + digits
    }
}

/// Where access log lines go. Writing never waits: a line that finds no room, or whose reader went away, is dropped and
/// counted, in `http_access_log_dropped_lines_total` too.
public final class AccessLog: Sendable {
    private let write: @Sendable ([UInt8]) -> Bool
    private let clock: @Sendable () -> Int64
    private let lost: @Sendable () -> UInt64
    private let drops = Atomic<UInt64>(0)

    /// Lines that reached nobody.
    public var dropped: UInt64 { drops.load(ordering: .relaxed) &+ lost() }

    /// Creates a log.
    /// - Parameters:
    ///   - clock: Unix time in milliseconds.
    ///   - write: takes one line; must not block; false when it dropped the line.
    public convenience init(clock: @escaping @Sendable () -> Int64, write: @escaping @Sendable ([UInt8]) -> Bool) {
        self.init(clock: clock, write: write, lost: { 0 })
    }

    private init(
        clock: @escaping @Sendable () -> Int64,
        write: @escaping @Sendable ([UInt8]) -> Bool,
        lost: @escaping @Sendable () -> UInt64
    ) {
        self.clock = clock
        self.write = write
        self.lost = lost
    }

    /// Writes to a file descriptor from a thread of its own, through a buffer.
    /// - Parameters:
    ///   - descriptor: such as 1, standard output; stays open.
    ///   - bufferLimit: bytes that may wait.
    public convenience init(descriptor: Int32 = 1, bufferLimit: Int = 1 << 20) {
        let queue = LineQueue(descriptor: descriptor, limit: bufferLimit)
        self.init(clock: { SystemTime.nowMilliseconds() }, write: { queue.append($0) }, lost: { queue.lost })
    }

    func write(_ entry: AccessLogEntry) {
        if !write(entry.line(unixMilliseconds: clock())) { drops.wrappingAdd(1, ordering: .relaxed) }
    }
}

/// One line of JSON in the making.
struct JSONLine {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    mutating func field(_ name: StaticString, _ value: String, isText: Bool = true) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: "\(name)".utf8)
        bytes.append(contentsOf: "\":".utf8)
        if isText { append(value) } else { bytes.append(contentsOf: value.utf8) }
    }

    private mutating func append(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in value.utf8.prefix(2_048) {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20, 0x7f:
                let digits = Array("0123456789abcdef".utf8)
                bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    var finished: [UInt8] { bytes + [UInt8(ascii: "}"), UInt8(ascii: "\n")] }
}
