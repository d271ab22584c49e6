// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// What is scraped: a URL and the labels that all its series get.
package struct ScrapeTarget: Sendable {
    package let jobName: String
    /// With scheme, address, path and parameters.
    package let url: String
    /// `job`, `instance` and whatever the configuration adds; no label that begins with `__`.
    package let labels: Labels
    /// As found, before relabelling.
    package let discoveredLabels: Labels
    package let interval: Duration
    package let timeout: Duration
    /// Where to connect instead of the URL's host.
    package let unixSocketPath: String?

    package var instance: String { labels["instance"] ?? "" }

    /// Unique among all targets: no two may have the same labels and URL.
    package var identity: String {
        unixSocketPath.map { "\(labels.description) \(url) \($0)" } ?? "\(labels.description) \(url)"
    }
}

/// The targets that a configuration yields.
package struct TargetSet: Sendable {
    package var active: [ScrapeTarget] = []
    /// Discovered labels of targets that relabelling took away.
    package var dropped: [Labels] = []
    /// Targets that cannot be scraped, and why.
    package var problems: [String] = []

    /// Builds the targets of all groups, in their order; doubles are left out.
    package init(_ configuration: ScrapeConfiguration) {
        var seen: Set<String> = []
        for group in configuration.groups {
            for address in group.targets {
                let discovered = Self.discovered(address, group, configuration)
                do {
                    guard let target = try Self.target(discovered, configuration) else {
                        dropped.append(Labels(discovered.map { ($0.key, $0.value) }))
                        continue
                    }
                    if seen.insert(target.identity).inserted { active.append(target) }
                } catch {
                    problems.append("\(group.source): target \"\(address)\": \(error.description)")
                }
            }
        }
        if configuration.limits.targets > 0, active.count > configuration.limits.targets {
            problems.append("target_limit exceeded (number of targets: \(active.count))")
            active.removeAll()
        }
    }

    private static func discovered(
        _ address: String,
        _ group: ScrapeConfiguration.TargetGroup,
        _ configuration: ScrapeConfiguration
    ) -> [String: String] {
        var labels = group.labels
        labels["__address__"] = address
        let defaults = [
            ("job", configuration.jobName), ("__metrics_path__", configuration.metricsPath),
            ("__scheme__", configuration.scheme), ("__scrape_interval__", Self.text(configuration.interval)),
            ("__scrape_timeout__", Self.text(configuration.timeout)),
        ]
        for (name, value) in defaults where labels[name] == nil { labels[name] = value }
        for (name, value) in configuration.parameters where labels["__param_\(name)"] == nil {
            labels["__param_\(name)"] = value
        }
        return labels
    }

    private struct Unusable: Error { let description: String }

    private static func target(
        _ discovered: [String: String],
        _ configuration: ScrapeConfiguration
    ) throws(Unusable) -> ScrapeTarget? {
        guard let labels = RelabelRule.apply(configuration.relabelRules, to: discovered) else { return nil }
        guard let address = labels["__address__"], !address.isEmpty else { throw Unusable(description: "no address") }
        guard !address.contains("/") else { throw Unusable(description: "\"\(address)\" is not a valid hostname") }
        let scheme = labels["__scheme__"] ?? "http"
        guard scheme == "http" || scheme == "https" else { throw Unusable(description: "unknown scheme \"\(scheme)\"") }
        guard let interval = duration(labels["__scrape_interval__"]),
            let timeout = duration(labels["__scrape_timeout__"])
        else { throw Unusable(description: "invalid scrape interval or timeout") }
        guard timeout <= interval else {
            throw Unusable(description: "scrape timeout cannot be greater than scrape interval")
        }
        var path = labels["__metrics_path__"] ?? "/metrics"
        if !path.hasPrefix("/") { path = "/" + path }
        // Parameters beyond the first of a name come from the configuration, as in Prometheus.
        var parameters: [(String, String)] = []
        for (name, value) in labels.sorted(by: { $0.key < $1.key }) where name.hasPrefix("__param_") {
            parameters.append((String(name.dropFirst(8)), value))
        }
        var seen: Set<String> = []
        for (name, value) in configuration.parameters where !seen.insert(name).inserted {
            parameters.append((name, value))
        }
        let query = parameters.map { "\(URLText.encode($0.0))=\(URLText.encode($0.1))" }.joined(separator: "&")
        var final = labels.filter { !$0.key.hasPrefix("__") }
        if final["instance"] == nil { final["instance"] = address }
        return ScrapeTarget(
            jobName: configuration.jobName,
            url: "\(scheme)://\(address)\(path)\(query.isEmpty ? "" : "?" + query)",
            labels: Labels(final.map { ($0.key, $0.value) }),
            discoveredLabels: Labels(discovered.map { ($0.key, $0.value) }),
            interval: interval,
            timeout: timeout,
            unixSocketPath: labels["__unix_socket__"] ?? configuration.unixSocketPath
        )
    }

    private static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
        return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)s" : "\(milliseconds)ms"
    }

    /// The forms that `text` writes and the simple ones of people: one number, one unit.
    private static func duration(_ text: String?) -> Duration? {
        guard let text else { return nil }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits), number > 0, number < 1_000_000_000 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": return .milliseconds(number)
        case "s": return .seconds(number)
        case "m": return .seconds(number * 60)
        case "h": return .seconds(number * 3_600)
        default: return nil
        }
    }
}

enum URLText {
    /// Percent-encodes everything but unreserved characters (RFC 3986 §2.3).
    static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                encoded.append(byte)
            default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
