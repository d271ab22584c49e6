// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPMetrics
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import SidecarMetrics
import TestSupport
import Testing

/// A real browser loads a page and sends its timings.
@Suite(.timeLimit(.minutes(2)), .enabled(if: browser != nil, "needs chromium-headless-shell"))
struct BrowserTests {
    @Test func `chromium sends a page's timings`() async throws {
        let registry = MetricsRegistry()
        let router = Router()
        router.add(middleware: HTTPMetricsMiddleware(registry: registry))
        let timing = BrowserTiming(registry: registry, configuration: .init(pages: ["/boxes"]))
        timing.addRoute(to: router)
        timing.addScriptRoute(to: router)
        router.get("/boxes") { _, _ in
            let page = "<!doctype html><title>Boxes</title><p>Boxes<script src=/beacon.js async></script>"
            return Response(
                status: .ok,
                headers: [.contentType: "text/html"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: page))
            )
        }
        @Sendable func lines(_ prefix: String) -> [String] { MiddlewareTests.Service.lines(prefix, of: registry) }
        let profile = try TemporaryDirectory("browser")
        try await Application(router: router).test(.live) { client in
            let port = try #require(client.port)
            let browser = try ChildProcess(
                try #require(browser),
                [
                    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=\(profile.path)",
                    "--remote-debugging-port=0", "http://127.0.0.1:\(port)/boxes",
                ]
            )
            let accepted = #"browser_beacons_total{outcome="accepted"} 1"#
            let isAccepted = await waitUntil(deadline: .seconds(60)) {
                lines("browser_beacons_total").contains(accepted)
            }
            #expect(isAccepted, "\(lines("browser_")) \(lines("http_server_request_duration_seconds_count"))")
            await browser.stop()
        }
        // What a plain page over HTTP has; nothing is painted without a display of some size.
        for phase in ["dns", "connect", "ttfb", "response", "interactive", "dom_content_loaded", "load"] {
            let prefix = #"browser_timing_seconds_count{page="/boxes",phase="\#(phase)"} "#
            #expect(lines(prefix) == [prefix + "1"])
        }
        func sum(_ phase: String) -> Double {
            let line = lines(#"browser_timing_seconds_sum{page="/boxes",phase="\#(phase)"} "#).first
            return line.flatMap { $0.split(separator: " ").last }.flatMap { Double($0) } ?? -1
        }
        // In the order of the specification, and no longer than the test took.
        let times = ["dns", "connect", "ttfb", "response", "interactive", "dom_content_loaded", "load"].map(sum)
        #expect(times == times.sorted(), "\(times)")
        #expect(times.allSatisfy { $0 >= 0 && $0 < 60 }, "\(times)")
        let beacon = #"http_server_request_duration_seconds_count{http_request_method="POST","#
        #expect(lines(beacon).first?.contains(#"http_response_status_code="204""#) == true)
    }
}

/// The program itself: the scripts in /usr/bin start it as a child, which would outlive them.
private let browser: String? = ["/usr/lib/chromium/chromium-headless-shell", "/usr/lib/chromium/chromium"].first {
    FileManager.default.isExecutableFile(atPath: $0)
}
