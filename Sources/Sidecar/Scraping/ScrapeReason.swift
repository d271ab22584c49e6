// SPDX-License-Identifier: Apache-2.0

import HTTPClient

/// Why a scrape failed; a label value, so the set is closed.
package enum ScrapeReason: String, Sendable, Hashable, CaseIterable {
    case dns
    case connectRefused = "connect_refused"
    case connectTimeout = "connect_timeout"
    case connectUnreachable = "connect_unreachable"
    case connectReset = "connect_reset"
    case connectionClosed = "connection_closed"
    case connectFailed = "connect_failed"
    case tlsHandshake = "tls_handshake"
    case tlsTimeout = "tls_timeout"
    case tlsExpired = "tls_expired"
    case tlsUntrusted = "tls_untrusted"
    case tlsHostname = "tls_hostname"
    case tlsConfiguration = "tls_configuration"
    case httpStatus = "http_status"
    case timeoutFirstByte = "timeout_first_byte"
    case timeoutBody = "timeout_body"
    case bodyTooLarge = "body_too_large"
    case headersTooLarge = "headers_too_large"
    case contentEncoding = "content_encoding"
    case contentType = "content_type"
    case protocolViolation = "protocol"
    case tooManyRedirects = "too_many_redirects"
    case parse
    case limitSamples = "limit_samples"
    case limitLabels = "limit_labels"
    case limitLabelName = "limit_label_name_length"
    case limitLabelValue = "limit_label_value_length"
    case limitNativeBuckets = "limit_native_histogram_buckets"
    /// The store holds as many series as it may.
    case limitSeries = "limit_series"
    case authentication = "auth"
    case invalidRequest = "invalid_request"
    case cancelled
    case `internal`

    init(_ reason: HTTPFailureReason) {
        self = ScrapeReason(rawValue: reason.rawValue) ?? .internal
    }
}

/// A failed scrape: the closed reason, and a text that is safe to show.
package struct ScrapeFailure: Error, Sendable, Hashable {
    package var reason: ScrapeReason
    package var text: String

    package init(_ reason: ScrapeReason, _ text: String) {
        self.reason = reason
        self.text = text
    }
}
