// SPDX-License-Identifier: Apache-2.0

/// A request to a heart-beat's address, in the dialect of Healthchecks:
/// `/ping/<id>`, `/ping/<key>/<slug>`, each with `/start`, `/fail`, `/log` or `/<exit status>` behind it, and `?rid=`.
public struct HeartbeatRequest: Sendable, Hashable {
    /// Why a path or query is refused.
    public enum Problem: Error, Sendable, Hashable {
        /// Answer 404 `not found`.
        case notFound
        /// Answer 400 `invalid url format`.
        case invalid
    }

    /// How the heart-beat is named.
    public enum Name: Sendable, Hashable {
        /// By its id.
        case id(String)
        /// By a key shared by many and its own short name.
        case slug(key: String, slug: String)
    }

    /// Which one.
    public let name: Name
    /// What it says.
    public let signal: HeartbeatSignal
    /// Pairs start and end.
    public let run: String?

    /// Bytes of a body that are kept: the value of `Ping-Body-Limit`.
    public static let bodyLimit = 10_000

    /// Reads a request target such as `/ping/0a1b…/start?rid=…`.
    public init(target: String) throws(Problem) {
        let parts = target.utf8.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts.first.map { String(Substring($0)) } ?? ""
        let query = parts.count > 1 ? String(Substring(parts[1])) : ""
        var segments = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard segments.count >= 3, segments[0].isEmpty, segments[1] == "ping" else { throw .notFound }
        segments.removeFirst(2)
        if segments.last?.isEmpty == true { segments.removeLast() }
        guard let first = segments.first, segments.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 100 }) else {
            throw .notFound
        }
        switch segments.count {
        case 1:
            name = .id(first)
            signal = .success
        case 2:
            if let signal = try Self.signal(segments[1], isLone: !Self.isUUID(first)) {
                name = .id(first)
                self.signal = signal
            } else {
                name = .slug(key: first, slug: segments[1])
                signal = .success
            }
        case 3:
            guard let signal = try Self.signal(segments[2], isLone: false) else { throw .notFound }
            name = .slug(key: first, slug: segments[1])
            self.signal = signal
        default: throw .notFound
        }
        run = try Self.run(query)
    }

    /// The signal of a last segment; nil when it is none and may be a slug.
    private static func signal(_ segment: String, isLone: Bool) throws(Problem) -> HeartbeatSignal? {
        switch segment {
        case "start": return .start
        case "fail": return .failure
        case "log": return .log
        default: break
        }
        guard segment.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
            if isLone { return nil }
            throw .notFound
        }
        guard let status = Int(segment), status <= 255 else { throw .invalid }
        return .exitStatus(status)
    }

    private static func run(_ query: String) throws(Problem) -> String? {
        for pair in query.split(separator: "&") where pair.hasPrefix("rid=") {
            let run = String(pair.dropFirst(4))
            guard isUUID(run) else { throw .invalid }
            return run.lowercased()
        }
        return nil
    }

    private static func isUUID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 36 else { return false }
        return bytes.enumerated().allSatisfy { index, byte in
            if index == 8 || index == 13 || index == 18 || index == 23 { return byte == UInt8(ascii: "-") }
            return (byte >= 48 && byte <= 57) || (byte | 0x20 >= 97 && byte | 0x20 <= 102)
        }
    }
}
