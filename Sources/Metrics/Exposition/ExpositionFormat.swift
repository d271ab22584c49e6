// SPDX-License-Identifier: Apache-2.0

/// One of the wire formats, with its version and the treatment of UTF-8 names.
public struct ExpositionFormat: Sendable, Hashable {
    /// The family of formats.
    public enum Encoding: Sendable, Hashable {
        /// The Prometheus text format.
        case text
        /// OpenMetrics text.
        case openMetrics
        /// Length-delimited `io.prometheus.client.MetricFamily` messages.
        case protobuf
    }

    /// The family of formats.
    public var encoding: Encoding
    /// `0.0.4` or `1.0.0` for text, `0.0.1` or `1.0.0` for OpenMetrics, empty for protobuf.
    public var version: String
    /// What happens to names outside the classic alphabet.
    public var escaping: NameEscaping
    /// Whether the content type names the escaping. Old readers do not ask, and are not told.
    public var statesEscaping: Bool

    /// Creates a format; the static members are the usual ones.
    /// - Parameters:
    ///   - encoding: the family of formats.
    ///   - version: the version as in the content type; nil is the newest stable one.
    ///   - escaping: the treatment of UTF-8 names; nil is `underscores`, unsaid in the content type.
    public init(_ encoding: Encoding, version: String? = nil, escaping: NameEscaping? = nil) {
        self.encoding = encoding
        switch encoding {
        case .text: self.version = version ?? "0.0.4"
        case .openMetrics: self.version = version ?? "1.0.0"
        case .protobuf: self.version = ""
        }
        self.escaping = escaping ?? .underscores
        self.statesEscaping = escaping != nil
    }

    /// `text/plain; version=0.0.4`.
    public static let text = ExpositionFormat(.text)
    /// `text/plain; version=1.0.0; escaping=allow-utf-8`.
    public static let utf8Text = ExpositionFormat(.text, version: "1.0.0", escaping: .allowUTF8)
    /// `application/openmetrics-text; version=1.0.0`.
    public static let openMetrics = ExpositionFormat(.openMetrics)
    /// `application/vnd.google.protobuf`, delimited.
    public static let protobuf = ExpositionFormat(.protobuf)

    /// The exact `Content-Type` value.
    public var contentType: String {
        let start =
            switch encoding {
            case .text: "text/plain; version=\(version); charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=\(version); charset=utf-8"
            case .protobuf:
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        return statesEscaping ? start + "; escaping=" + escaping.rawValue : start
    }
}
