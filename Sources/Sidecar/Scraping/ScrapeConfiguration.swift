// SPDX-License-Identifier: Apache-2.0

package import HTTPClient

/// One entry of `scrape_configs`, with Prometheus's meaning of every key.
package struct ScrapeConfiguration: Sendable {
    /// How an answer without a usable content type is read.
    package enum FallbackProtocol: String, Sendable, Hashable, CaseIterable {
        case prometheusText004 = "PrometheusText0.0.4"
        case prometheusText100 = "PrometheusText1.0.0"
        case openMetrics001 = "OpenMetricsText0.0.1"
        case openMetrics100 = "OpenMetricsText1.0.0"

        var isOpenMetrics: Bool { self == .openMetrics001 || self == .openMetrics100 }
    }

    /// Zero means no limit, except for the body.
    package struct Limits: Sendable, Hashable {
        /// Bytes after decompression.
        package var body = 64 << 20
        package var samples = 200_000
        package var labels = 0
        package var labelNameLength = 0
        package var labelValueLength = 0
        package var targets = 0

        package init() {}
    }

    /// `static_configs`, or one group of a target file.
    package struct TargetGroup: Sendable, Hashable {
        /// `host:port` or `host`; a URL's other parts come from the configuration or labels.
        package var targets: [String]
        package var labels: [String: String]
        /// Where the group came from, for messages.
        package var source: String

        package init(targets: [String], labels: [String: String] = [:], source: String = "static") {
            self.targets = targets
            self.labels = labels
            self.source = source
        }
    }

    package var jobName: String
    package var interval: Duration = .seconds(1)
    package var timeout: Duration = .seconds(1)
    package var metricsPath = "/metrics"
    package var scheme = "http"
    package var parameters: [(name: String, value: String)] = []
    package var honorsLabels = false
    package var honorsTimestamps = true
    package var fallbackProtocol: FallbackProtocol?
    package var authorization: HTTPRequest.Authorization?
    package var headers: [(name: String, value: String)] = []
    package var tls = TLSOptions()
    package var proxy: String?
    package var unixSocketPath: String?
    package var followsRedirects = true
    package var acceptsCompressed = true
    package var limits = Limits()
    package var groups: [TargetGroup] = []
    package var relabelRules: [RelabelRule] = []
    package var metricRelabelRules: [RelabelRule] = []
    /// Whether the sidecar's own readiness depends on these targets.
    package var isCritical = false

    package init(jobName: String) { self.jobName = jobName }
}
