// SPDX-License-Identifier: Apache-2.0

import HTTPClient

/// The request that a target is sent, as Prometheus sends it.
enum ScrapeRequest {
    static let accept =
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

    static func make(_ target: ScrapeTarget, _ configuration: ScrapeConfiguration) -> HTTPRequest {
        var request = HTTPRequest(url: target.url)
        request.headers = [
            ("Accept", accept), ("User-Agent", "sidecar"),
            ("X-Prometheus-Scrape-Timeout-Seconds", seconds(target.timeout)),
        ]
        request.headers.append(contentsOf: configuration.headers)
        request.authorization = configuration.authorization
        request.unixSocketPath = configuration.unixSocketPath
        request.proxy = configuration.proxy
        request.tls = configuration.tls
        request.followsRedirects = configuration.followsRedirects
        request.connectTimeout = target.timeout
        request.deadline = target.timeout
        request.bodyLimit = configuration.limits.body > 0 ? configuration.limits.body : Int.max
        request.acceptsCompressed = configuration.acceptsCompressed
        return request
    }

    private static func seconds(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let value = Double(seconds) + Double(attoseconds) / 1e18
        return value == value.rounded() ? "\(seconds)" : "\(value)"
    }
}
