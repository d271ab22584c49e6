// SPDX-License-Identifier: Apache-2.0

package import HTTPClient

/// The request that a target is sent, as Prometheus sends it.
package enum ScrapeRequest {
    package static func make(_ target: ScrapeTarget, _ configuration: ScrapeConfiguration) -> HTTPRequest {
        var request = HTTPRequest(url: target.url)
        request.headers = [
            ("Accept", ScrapeProtocol.accept(configuration.protocols, escaping: configuration.nameEscaping)),
            ("User-Agent", "sidecar"),
            ("X-Prometheus-Scrape-Timeout-Seconds", seconds(target.timeout)),
        ]
        request.headers.append(contentsOf: configuration.headers)
        request.authorization = configuration.authorization
        request.unixSocketPath = target.unixSocketPath
        request.proxy = configuration.proxy
        request.hostsWithoutProxy = configuration.hostsWithoutProxy
        request.proxyHeaders = configuration.proxyHeaders
        request.tls = configuration.tls
        request.followsRedirects = configuration.followsRedirects
        request.connectTimeout = target.timeout
        request.deadline = target.timeout
        request.bodyLimit = configuration.limits.body > 0 ? configuration.limits.body : Int.max
        request.acceptsCompressed = configuration.acceptsCompressed
        request.version = configuration.allowsHTTP2 ? .negotiated : .http1
        return request
    }

    private static func seconds(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let value = Double(seconds) + Double(attoseconds) / 1e18
        return value == value.rounded() ? "\(seconds)" : "\(value)"
    }
}
