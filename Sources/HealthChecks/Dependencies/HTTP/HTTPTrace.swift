// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import HealthChecks

/// What a person is told of a transfer who looks for the reason of a failure.
enum HTTPTrace {
    /// Bytes of a body that are shown.
    private static let bodyLimit = 4_096
    private static let lineLimit = 64

    /// The address without what may be secret: user, password and query.
    static func shown(_ url: String) -> String {
        guard let origin = HTTPRequest(url: url).origin else { return "an address that cannot be read" }
        let path = url.utf8.drop { $0 != UInt8(ascii: ":") }.dropFirst(3).drop { !"/?#".utf8.contains($0) }
        let text = String(decoding: path.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }, as: UTF8.self)
        return origin.description + text + (path.contains(UInt8(ascii: "?")) ? "?…" : "")
    }

    static func note(_ report: HTTPTransferReport, body: [UInt8], in environment: CheckEnvironment) {
        let phases = report.phases
        let named = [
            ("resolve", phases.resolve), ("connect", phases.connect), ("tls", phases.tls),
            ("processing", phases.processing), ("transfer", phases.transfer), ("total", phases.total),
        ]
        environment.note("phases: " + named.map { "\($0.0) \(milliseconds($0.1))" }.joined(separator: ", "))
        if let address = report.remoteAddress {
            environment.note("peer: \(address)\(report.usedKeptConnection ? ", over a kept connection" : "")")
        }
        if let version = report.tlsVersion { environment.note("encryption: \(version)") }
        for certificate in report.certificates {
            let end = certificate.notAfter.map { "expires at \($0)" } ?? "no expiry"
            environment.note("certificate: \(certificate.subject), by \(certificate.issuer), \(end) (Unix time)")
        }
        if report.redirects > 0 { environment.note("redirects followed: \(report.redirects)") }
        if let failure = report.failure { environment.note("failure: \(failure.reason.rawValue): \(failure.text)") }
        guard let head = report.head else { return environment.note("no answer") }
        environment.note(
            "answer: status \(head.status), \(report.bodyBytes) bytes\(report.isBodyTruncated ? " and more" : "")"
        )
        for (name, value) in head.headers.prefix(lineLimit) { environment.note("  \(name): \(value)") }
        let shown = String(decoding: body.prefix(bodyLimit), as: UTF8.self)
        for line in shown.split(whereSeparator: \.isNewline).prefix(lineLimit) { environment.note("  | \(line)") }
    }

    static func milliseconds(_ duration: Duration) -> String {
        "\((duration / .microseconds(1)).rounded() / 1_000) ms"
    }
}
