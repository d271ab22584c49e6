// SPDX-License-Identifier: Apache-2.0

import HealthChecks

/// The names that blackbox_exporter gave to what probes see.
enum ProbeFamilies {
    static let success = CheckFamily("probe_success", help: "Whether the probe succeeded.")
    static let duration = CheckFamily("probe_duration_seconds", help: "How long the probe took.")
    static let dnsTime = CheckFamily("probe_dns_lookup_time_seconds", help: "How long the look-up of the name took.")
    static let failedByRegex = CheckFamily("probe_failed_due_to_regex", help: "Whether an expression decided.")
    static let ipProtocol = CheckFamily("probe_ip_protocol", help: "4 or 6.")
    static let statusCode = CheckFamily("probe_http_status_code", help: "Status of the last answer, 0 for none.")
    static let contentLength = CheckFamily(
        "probe_http_content_length",
        help: "Announced length, -1 for none, 0 without an answer."
    )
    static let bodyLength = CheckFamily("probe_http_uncompressed_body_length", help: "Bytes of the body as read.")
    static let redirects = CheckFamily("probe_http_redirects", help: "Redirects followed.")
    static let ssl = CheckFamily("probe_http_ssl", help: "Whether the answer came over TLS.")
    static let httpVersion = CheckFamily("probe_http_version", help: "Version of HTTP.")
    static let phaseDuration = CheckFamily("probe_http_duration_seconds", help: "How long each phase took.")
    static let phaseLabels = ["resolve", "connect", "tls", "processing", "transfer"].map { [CheckLabel("phase", $0)] }
}
