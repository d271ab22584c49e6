// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension QueryAPITests {
    /// Every member that Prometheus answers with is in our answer, of the same kind; later versions added some.
    func membersAreThere(_ pair: MonitoredPair) async throws {
        for path in [
            "status/runtimeinfo", "status/tsdb", "targets", "targets?state=active", "targets?state=dropped",
            "targets?state=any", "targets?state=x", "targets?scrapePool=shop", "targets?scrapePool=nope", "rules",
            "rules?type=alert", "rules?type=record", "alerts", "labels", "scrape_pools",
        ] {
            let ours = try await JSONAnswer(pair.sidecar.url + "/api/v1/" + path)
            let theirs = try await JSONAnswer(pair.prometheusURL + "/api/v1/" + path)
            let missing = Self.missing(from: ours["data"], asIn: theirs["data"], at: "data")
            #expect(missing.isEmpty, "\(path): \(missing)")
        }
        let flags = try await JSONAnswer(pair.sidecar.url + "/api/v1/status/flags")["data"] as? [String: String]
        #expect(flags?["listen"]?.hasPrefix("127.0.0.1:") == true)
        for url in [pair.sidecar.url, pair.prometheusURL] {
            let configuration = try await HTTPGet(url + "/api/v1/status/config").text
            #expect(configuration.contains("basic_auth") && configuration.contains("secret"), "\(url)")
            #expect(!configuration.contains(MonitoredPair.password), "\(url)")
        }
    }

    private static func missing(from ours: Any?, asIn theirs: Any?, at path: String) -> [String] {
        switch (ours, theirs) {
        case (let own as [String: Any], let other as [String: Any]):
            return other.keys.sorted().flatMap { key in
                own[key] == nil ? ["\(path).\(key)"] : missing(from: own[key], asIn: other[key], at: "\(path).\(key)")
            }
        case (let own as [Any], let other as [Any]):
            guard let first = other.first else { return [] }
            return own.first.map { missing(from: $0, asIn: first, at: path + "[]") } ?? ["\(path)[]"]
        case (is String, is String), (is NSNumber, is NSNumber): return []
        case (is NSNull, is NSNull): return []
        default: return ["\(path) is another kind"]
        }
    }
}
