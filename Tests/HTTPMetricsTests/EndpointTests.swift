// SPDX-License-Identifier: Apache-2.0

import Exposition
import Foundation
import HTTPMetrics
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import SidecarMetrics
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct EndpointTests {
    @Test func `metrics are served in the format that was asked for`() async throws {
        let registry = MetricsRegistry()
        registry.counter("sent", help: "Sent.").increment()
        let router = Router()
        MetricsEndpoint(registry: registry).addRoute(to: router)
        try await Application(router: router).test(.router) { client in
            try await client.execute(uri: "/metrics", method: .get) { response in
                #expect(response.headers[.contentType]?.hasPrefix("text/plain; version=0.0.4; charset=utf-8") == true)
                #expect(response.headers[.vary] == "Accept, Accept-Encoding")
                #expect(String(buffer: response.body).contains("\nsent_total 1\n"))
            }
            let accept: HTTPFields = [
                .accept: "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3", .acceptEncoding: "gzip",
            ]
            try await client.execute(uri: "/metrics", method: .get, headers: accept) { response in
                #expect(
                    response.headers[.contentType]?.hasPrefix("application/openmetrics-text; version=1.0.0") == true
                )
                #expect(response.headers[.contentEncoding] == "gzip")
                #expect(response.body.getBytes(at: 0, length: 2) == [0x1f, 0x8b])
            }
            try await client.execute(uri: "/metrics?name%5B%5D=sent_total", method: .get) { response in
                #expect(String(buffer: response.body).split(separator: "\n").count == 3)
            }
        }
    }

    @Test(arguments: ["gzip", "zstd"]) func `curl reads what it asked for, in any coding`(coding: String) async throws {
        let registry = MetricsRegistry()
        registry.counter("sent", help: "Sent.").increment()
        let router = Router()
        MetricsEndpoint(registry: registry).addRoute(to: router)
        try await Application(router: router).test(.live) { client in
            let url = "http://127.0.0.1:\(try #require(client.port))/metrics?name%5B%5D=sent_total"
            let directory = try TemporaryDirectory("coding")
            let arguments = ["-s", "-D", directory.path("head"), "-H", "Accept-Encoding: br;q=1, \(coding);q=0.2", url]
            let command = (["curl"] + arguments).map { "'\($0)'" }.joined(separator: " ") + " | \(coding) -dc"
            let result = try await ChildProcess.run("bash", ["-o", "pipefail", "-c", command])
            #expect(result.exit == .code(0), "\(result)")
            #expect(result.output == "# HELP sent_total Sent.\n# TYPE sent_total counter\nsent_total 1\n")
            let head = try directory.read("head").lowercased()
            #expect(head.contains("content-encoding: \(coding)\r\n"))
            #expect(head.contains("vary: accept, accept-encoding\r\n"))
        }
    }

    @Test func `scrapes beyond the limit get 503`() async throws {
        let registry = MetricsRegistry()
        let router = Router()
        MetricsEndpoint(registry: registry, concurrentScrapes: 0).addRoute(to: router)
        let limited = MetricsEndpoint(registry: registry, concurrentScrapes: 1)
        limited.addRoute(to: router, path: "/one")
        // A callback that takes its time keeps the first scrape busy.
        registry.gauge("slow", help: "Slow.") {
            let end = ContinuousClock.now + .milliseconds(40)
            while ContinuousClock.now < end {}
            return 1
        }
        try await Application(router: router).test(.router) { client in
            let statuses = try await withThrowingTaskGroup(of: HTTPResponse.Status.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await client.execute(uri: "/one", method: .get) { $0.status } }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.contains(.ok))
            #expect(statuses.contains(.serviceUnavailable))
        }
    }

    @Test func `beacons are validated, capped and limited`() async throws {
        let registry = MetricsRegistry()
        var configuration = BrowserTiming.Configuration(pages: ["/boxes"])
        configuration.beaconsPerSecond = 8
        configuration.monotonicClock = { 0 }
        let router = Router()
        BrowserTiming(registry: registry, configuration: configuration).addRoute(to: router)
        let cases: [(String, HTTPResponse.Status)] = [
            (#"{"page": "/boxes", "ttfb": 120, "load": 890.5}"#, .noContent),
            (#"{"page":"/attacker/1","ttfb":1}"#, .noContent),
            (#"{"page":"/boxes","ttfb":-1}"#, .badRequest),
            (#"{"page":"/boxes","ttfb":1e9}"#, .badRequest),
            (#"{"page":"/boxes","ttfb":[1]}"#, .badRequest),
            ("", .badRequest),
            (#"{"page":"/boxes","ttfb":1}x"#, .badRequest),
            (String(repeating: " ", count: 5_000), .contentTooLarge),
            (#"{"page":"/boxes","ttfb":1}"#, .tooManyRequests),
        ]
        try await Application(router: router).test(.router) { client in
            for (body, status) in cases {
                try await client.execute(uri: "/beacon", method: .post, body: ByteBuffer(string: body)) { response in
                    #expect(response.status == status, "\(body.prefix(60))")
                }
            }
        }
        let text = String(decoding: registry.render(.text), as: UTF8.self)
        #expect(text.contains(#"browser_timing_seconds_sum{page="/boxes",phase="ttfb"} 0.12"#))
        #expect(text.contains(#"browser_timing_seconds_sum{page="other",phase="ttfb"} 0.001"#))
        #expect(!text.contains("attacker"))
        for (outcome, count) in [("accepted", 2), ("invalid", 5), ("too_large", 1), ("limited", 1)] {
            #expect(text.contains(#"browser_beacons_total{outcome="\#(outcome)"} \#(count)"#))
        }
    }
}
