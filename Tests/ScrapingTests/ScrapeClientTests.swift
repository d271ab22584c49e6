// SPDX-License-Identifier: Apache-2.0

import Exposition
import HTTPClient
import Scraping
import TestSupport
import Testing
import TimeSeries

/// The keys of the HTTP client, each against a real server.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ScrapeClientTests {
    @Test func `who we are and what we ask for is sent as configured`() async throws {
        let receiver = try HTTPReceiver { _ in
            HTTPAnswer(200, "a 1\n", headers: [("Content-Type", "text/plain; version=0.0.4")])
        }
        let bench = try ScrapeBench(receiver) {
            $0.authorization = .basic(user: "me", password: "p:w")
            $0.headers = [("X-One", "1"), ("X-One", "2")]
            $0.parameters = [("module", "a b"), ("module", "c")]
            $0.metricsPath = "/probe"
            $0.nameEscaping = .underscores
            $0.acceptsCompressed = false
        }
        #expect(try #require(await bench.scrape(at: 100)).failure == nil)
        let request = try #require(receiver.requests.first)
        #expect(request.target == "/probe?module=a%20b&module=c")
        #expect(request.header("authorization") == "Basic bWU6cDp3")
        #expect(request.headers.filter { $0.name.lowercased() == "x-one" }.map(\.value) == ["1", "2"])
        #expect(request.header("accept")?.contains("version=1.0.0;escaping=underscores;q=0.6") == true)
        #expect(request.header("accept-encoding") == nil)
        let other = try ScrapeBench(receiver) { $0.authorization = .other(scheme: "Token", credentials: "abc") }
        _ = await other.scrape(at: 100)
        #expect(receiver.requests.last?.header("authorization") == "Token abc")
        #expect(receiver.requests.last?.header("accept-encoding") == "gzip")
    }

    @Test func `a proxy is used, except for the hosts that go without`() async throws {
        let page = HTTPAnswer(200, "a 1\n", headers: [("Content-Type", "text/plain; version=0.0.4")])
        let (proxy, receiver) = (try HTTPReceiver { _ in page }, try HTTPReceiver { _ in page })
        let through = try ScrapeBench(receiver) { $0.proxy = proxy.url }
        #expect(try #require(await through.scrape(at: 100)).failure == nil)
        #expect(proxy.requests.first?.target == "http://127.0.0.1:\(receiver.port)/metrics")
        #expect(receiver.requests.isEmpty)
        let around = try ScrapeBench(receiver) {
            $0.proxy = proxy.url
            $0.hostsWithoutProxy = "127.0.0.1"
        }
        #expect(try #require(await around.scrape(at: 100)).failure == nil)
        #expect(receiver.requests.count == 1 && proxy.requests.count == 1)
    }

    @Test func `redirects are followed unless that is turned off, and credentials do not go to another host`()
        async throws
    {
        let page = HTTPAnswer(200, "a 1\n", headers: [("Content-Type", "text/plain; version=0.0.4")])
        let receiver = try HTTPReceiver { _ in page }
        let first = try HTTPReceiver { _ in HTTPAnswer(302, headers: [("Location", "\(receiver.url)/there")]) }
        let follows = try ScrapeBench(first) { $0.authorization = .bearer("secret") }
        #expect(try #require(await follows.scrape(at: 100)).failure == nil)
        #expect(receiver.requests.map(\.target) == ["/there"])
        #expect(first.requests.first?.header("authorization") == "Bearer secret")
        #expect(receiver.requests.first?.header("authorization") == nil)
        let stays = try ScrapeBench(first) { $0.followsRedirects = false }
        #expect(try #require(await stays.scrape(at: 100)).failure?.reason == .httpStatus)
    }

    @Test func `series with timestamps of their own end where that is asked for`() async throws {
        for tracks in [false, true] {
            let receiver = try HTTPReceiver()
            let type = (name: "Content-Type", value: "text/plain; version=0.0.4")
            receiver.enqueue(
                HTTPAnswer(200, "a 1 100000\nb 2 100000\n", headers: [type]),
                HTTPAnswer(200, "a 1 101000\n", headers: [type])
            )
            let bench = try ScrapeBench(receiver) { $0.tracksTimestampStaleness = tracks }
            _ = await bench.scrape(at: 100)
            #expect(try bench.values("b", at: 100) == [[:]: 2])
            _ = await bench.scrape(at: 102)
            #expect(try bench.values("a", at: 102) == [[:]: 1])
            #expect(try bench.values("b", at: 102) == [[:]: tracks ? nil : 2])
            _ = await bench.scrape(at: 103)
            #expect(try bench.values("a", at: 103) == [[:]: tracks ? nil : 1], "a scrape that fails ends them, too")
        }
    }

    @Test func `legacy names are asked for and insisted on`() async throws {
        let receiver = try HTTPReceiver { _ in
            HTTPAnswer(200, "{\"a.b\"} 1\n", headers: [("Content-Type", "text/plain; version=1.0.0")])
        }
        let any = try ScrapeBench(receiver)
        #expect(try #require(await any.scrape(at: 100)).failure == nil)
        let legacy = try ScrapeBench(receiver) { $0.nameValidation = .legacy }
        #expect(try #require(await legacy.scrape(at: 100)).failure?.reason == .parse)
    }
}
