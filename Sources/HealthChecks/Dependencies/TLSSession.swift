// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import HealthChecks

/// What is known of the TLS connection in use: a kept one shows its certificates only once.
struct TLSSession {
    private var certificates: [HTTPCertificate] = []
    private var version: String?

    init() {}

    /// The session of an open stream.
    init(_ stream: TLSStream) {
        certificates = stream.certificates
        version = stream.tlsVersion
    }

    /// Replaces what is known, unless the transfer went over the connection that is known already.
    mutating func take(_ report: HTTPTransferReport) {
        guard !report.usedKeptConnection else { return }
        certificates = report.certificates
        version = report.tlsVersion
    }

    /// Unix time at which the first certificate of the chain expires.
    var earliestExpiry: Int64? { certificates.compactMap(\.notAfter).min() }

    /// In blackbox_exporter's names.
    var samples: [CheckSample] {
        var samples: [CheckSample] = []
        if let version { samples.append(CheckSample(Self.tlsVersion, [CheckLabel("version", version)], 1)) }
        guard let earliest = earliestExpiry else { return samples }
        samples += [
            CheckSample(Self.firstExpiry, [], Double(earliest)),
            CheckSample(Self.lastChainExpiry, [], Double(earliest)),
        ]
        if let leaf = certificates.first {
            let labels = [
                CheckLabel("subject", CertificateText.name(leaf.subject)),
                CheckLabel("issuer", CertificateText.name(leaf.issuer)),
                CheckLabel("subjectalternative", CertificateText.hostNames(leaf.alternativeNames)),
                CheckLabel("serialnumber", leaf.serialNumber),
            ]
            samples.append(CheckSample(Self.lastChainInfo, labels, 1))
        }
        for (position, certificate) in certificates.enumerated() {
            guard let expiry = certificate.notAfter else { continue }
            let labels = [
                CheckLabel("position", String(position)),
                CheckLabel("subject", CertificateText.name(certificate.subject)),
            ]
            samples.append(CheckSample(Self.certificateExpiry, labels, Double(expiry)))
        }
        return samples
    }

    private static let firstExpiry = CheckFamily(
        "probe_ssl_earliest_cert_expiry",
        help: "Unix time at which the first certificate of the chain expires."
    )
    private static let lastChainExpiry = CheckFamily(
        "probe_ssl_last_chain_expiry_timestamp_seconds",
        help: "Unix time at which the chain expires."
    )
    private static let tlsVersion = CheckFamily("probe_tls_version_info", help: "The version of TLS in use.")
    private static let lastChainInfo = CheckFamily("probe_ssl_last_chain_info", help: "The certificate of the peer.")
    private static let certificateExpiry = CheckFamily(
        "probe_ssl_cert_not_after",
        help: "Unix time at which a certificate of the chain expires; position 0 is the peer's own."
    )
}
