// SPDX-License-Identifier: Apache-2.0

extension ExpositionFormat {
    /// Chooses the format for a scrape: the known one that the client likes most; text 0.0.4 when there is none.
    ///
    /// An unknown version is no match. UTF-8 names need text 1.0.0, OpenMetrics 1.0.0 or protobuf; with the older ones
    /// they are escaped with underscores. Answer with `contentType` and `Vary: Accept, Accept-Encoding`.
    /// - Parameters:
    ///   - accept: the request's `Accept` header.
    ///   - offering: what may be chosen besides text.
    /// - Returns: what to write.
    public static func negotiate(
        accept: String?,
        offering: Set<Encoding> = [.text, .openMetrics, .protobuf]
    ) -> ExpositionFormat {
        var best: (format: ExpositionFormat, quality: Double)?
        for range in MediaRange.list(accept ?? "") {
            let quality = range.quality
            guard quality > 0, quality > best?.quality ?? 0, let format = acceptable(range) else { continue }
            guard format.encoding == .text || offering.contains(format.encoding) else { continue }
            best = (format, quality)
        }
        return best?.format ?? .text
    }

    private static func acceptable(_ range: MediaRange) -> ExpositionFormat? {
        let version = range["version"] ?? ""
        let escaping = range["escaping"].flatMap { NameEscaping(rawValue: $0) }
        switch range.name {
        case "text/plain":
            if version == "1.0.0" {
                return ExpositionFormat(.text, version: version, escaping: escaping ?? .underscores)
            }
            guard version == "0.0.4" || version.isEmpty else { return nil }
            return ExpositionFormat(.text, version: "0.0.4", escaping: classic(escaping))
        case "application/openmetrics-text":
            if version == "1.0.0" || version.isEmpty { return ExpositionFormat(.openMetrics, escaping: escaping) }
            guard version == "0.0.1" else { return nil }
            return ExpositionFormat(.openMetrics, version: version, escaping: classic(escaping))
        case "application/vnd.google.protobuf":
            guard range["proto"] == "io.prometheus.client.MetricFamily", range["encoding"] == "delimited" else {
                return nil
            }
            return ExpositionFormat(.protobuf, escaping: escaping)
        case "*/*", "text/*": return .text
        default: return nil
        }
    }

    private static func classic(_ escaping: NameEscaping?) -> NameEscaping? {
        escaping == .allowUTF8 ? .underscores : escaping
    }

    /// The format of a response, from its `Content-Type`; nil for what is none of the formats.
    /// - Parameter contentType: the header's value.
    public init?(contentType: String) {
        guard let range = MediaRange.list(contentType).first else { return nil }
        let escaping = range["escaping"].flatMap { NameEscaping(rawValue: $0) }
        switch range.name {
        case "text/plain": self.init(.text, version: range["version"], escaping: escaping)
        case "application/openmetrics-text": self.init(.openMetrics, version: range["version"], escaping: escaping)
        case "application/vnd.google.protobuf":
            guard range["encoding"] == "delimited" else { return nil }
            self.init(.protobuf, escaping: escaping)
        default: return nil
        }
    }

    /// What a response that was negotiated must say in `Vary`.
    public static let vary = "Accept, Accept-Encoding"
}
