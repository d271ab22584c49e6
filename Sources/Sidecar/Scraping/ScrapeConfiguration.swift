// SPDX-License-Identifier: Apache-2.0

package import Exposition
import Glibc
package import HTTPClient

/// One entry of `scrape_configs`, with Prometheus's meaning of every key.
package struct ScrapeConfiguration: Sendable {
    /// Which names a scrape may bring.
    package enum NameValidation: String, Sendable, Hashable, CaseIterable { case utf8, legacy }

    /// Zero means no limit, except for the body.
    package struct Limits: Sendable, Hashable {
        /// Bytes after decompression.
        package var body = 64 << 20
        package var samples = 200_000
        package var labels = 0
        package var labelNameLength = 0
        package var labelValueLength = 0
        package var targets = 0
        /// Buckets of one native histogram, which is made coarser to fit.
        package var nativeBuckets = 0
        /// Dropped targets that the API shows of one job.
        package var keptDroppedTargets = 0

        package init() {}

        /// Memory is bounded where the configuration names no bound.
        package var shownDroppedTargets: Int { keptDroppedTargets == 0 ? 1_000 : min(keptDroppedTargets, 10_000) }
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
    /// Whether series with timestamps of their own end with a stale marker when they are gone.
    package var tracksTimestampStaleness = false
    /// What the target is asked for, best first.
    package var protocols = ScrapeProtocol.usual
    /// How an answer without a usable content type is read.
    package var fallbackProtocol: ScrapeProtocol?
    package var nameValidation = NameValidation.utf8
    package var nameEscaping = NameEscaping.allowUTF8
    package var scrapesNativeHistograms = false
    /// Whether the classic buckets of a histogram are kept beside its native form.
    package var alwaysScrapesClassicHistograms = false
    /// The least growth from bucket to bucket in native histograms; 0: whatever the target sends.
    package var nativeHistogramMinimumFactor = 0.0
    package var authorization: HTTPRequest.Authorization?
    package var headers: [(name: String, value: String)] = []
    package var tls = TLSOptions()
    package var proxy: String?
    /// Hosts that are asked without the proxy, as curl and Go read such a list.
    package var hostsWithoutProxy: String?
    package var proxyHeaders: [(name: String, value: String)] = []
    package var unixSocketPath: String?
    package var followsRedirects = true
    package var acceptsCompressed = true
    /// Over TLS, when the target offers it.
    package var allowsHTTP2 = false
    package var limits = Limits()
    package var groups: [TargetGroup] = []
    /// Where further groups come from.
    package var discovery: [DiscoveryConfiguration] = []
    package var relabelRules: [RelabelRule] = []
    package var metricRelabelRules: [RelabelRule] = []
    /// Whether the sidecar's own readiness depends on these targets.
    package var isCritical = false

    package init(jobName: String) { self.jobName = jobName }

    /// The finest schema that has the wanted growth; nil when any will do.
    var coarsestWantedSchema: Int32? {
        guard nativeHistogramMinimumFactor > 1 else { return nil }
        let schema = -log2(log2(nativeHistogramMinimumFactor)).rounded(.down)
        return Int32(min(8, max(-4, schema)))
    }
}
