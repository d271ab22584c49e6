// SPDX-License-Identifier: Apache-2.0

/// Which of the probe documents a path asks for.
public enum ProbeEndpoint: String, Sendable, Hashable, CaseIterable {
    /// Whether to restart the process.
    case livez
    /// Whether to send traffic.
    case readyz
    /// Whether starting has finished.
    case startupz
    /// Everything, as a document.
    case health
}

/// A request to a probe path, as far as the answer depends on it.
struct ProbeQuestion: Sendable, Hashable {
    /// The representations a probe can be answered in.
    enum Form: Sendable, Hashable {
        /// The line form of Kubernetes' API server.
        case text
        /// `application/json`: status, timestamp, uptime, version, checks, memory.
        case json
        /// `application/health+json`, the draft for health endpoints.
        case healthJSON
    }

    var endpoint: ProbeEndpoint
    /// The part behind `/readyz/`, decoded.
    var check: String?
    var isVerbose = false
    var excluded: [String] = []
    var form = Form.text

    /// At most so many exclusions are read from a query.
    private static let exclusionLimit = 64

    /// Reads a request target; nil when the path is none of the probes'.
    ///
    /// - Parameters:
    ///   - target: path and query as sent.
    ///   - method: the request's method; `OPTIONS /` and `OPTIONS *` ask for readiness, as HAProxy does by default.
    ///   - accept: the value of `Accept`.
    init?(target: String, method: String, accept: String?) {
        let path = target.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if method == "OPTIONS", path.elementsEqual("/".utf8) || path.elementsEqual("*".utf8) {
            endpoint = .readyz
            return
        }
        guard segments.count == 2 || segments.count == 3, segments[0].isEmpty,
            let endpoint = ProbeEndpoint(rawValue: String(Substring(segments[1])))
        else { return nil }
        self.endpoint = endpoint
        if segments.count == 3, !segments[2].isEmpty {
            guard endpoint != .health else { return nil }
            check = Self.decode(segments[2])
        }
        readQuery(target.utf8.dropFirst(path.count))
        form = Self.form(accept: accept, endpoint: endpoint)
    }

    private mutating func readQuery(_ query: Substring.UTF8View) {
        for pair in query.drop(while: { $0 == UInt8(ascii: "?") }).split(separator: UInt8(ascii: "&")) {
            let name = pair.prefix { $0 != UInt8(ascii: "=") }
            if name.elementsEqual("verbose".utf8) {
                isVerbose = true
            } else if name.elementsEqual("exclude".utf8), excluded.count < Self.exclusionLimit {
                excluded.append(Self.decode(pair.dropFirst(name.count + 1)))
            }
        }
    }

    /// The form asked for: media types by position, without weights, because a probe's client names one or none.
    private static func form(accept: String?, endpoint: ProbeEndpoint) -> Form {
        let preferred: Form = endpoint == .health ? .json : .text
        guard let accept else { return preferred }
        for item in accept.utf8.split(separator: UInt8(ascii: ",")) {
            let type = item.prefix { $0 != UInt8(ascii: ";") }.filter { $0 != UInt8(ascii: " ") }
            switch String(decoding: type, as: UTF8.self).lowercased() {
            case "application/health+json": return .healthJSON
            case "application/json": return .json
            case "text/plain": return endpoint == .health ? .json : .text
            default: continue
            }
        }
        return preferred
    }

    /// Undoes percent encoding; what is not valid stays as it is.
    private static func decode(_ bytes: Substring.UTF8View) -> String {
        var result: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let high = rest.first.flatMap(hexValue),
                let low = rest.dropFirst().first.flatMap(hexValue)
            {
                result.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
