// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import Scraping
import Synchronization
import TestSupport
import Testing
import TimeSeries

/// Scrapes of real HTTP servers on loopback.
@Suite(.timeLimit(.minutes(1))) struct ScrapeRunnerTests {
    private static let type = (name: "Content-Type", value: "text/plain; version=0.0.4")

    private static func page(_ text: String, ending: HTTPAnswer.Ending = .keepAlive) -> HTTPAnswer {
        HTTPAnswer(200, text, headers: [type], ending: ending)
    }

    @Test func `values, series that come and go, and the series every target has`() async throws {
        let receiver = try HTTPReceiver()
        receiver.enqueue(
            Self.page("# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} 2\nb 3\n"),
            Self.page("# TYPE a counter\na{x=\"1\"} 11\na{x=\"2\"} 12\nb 13\n"),
            Self.page("a{x=\"2\"} 22\nc 4\nb 23\n")
        )
        let bench = try ScrapeBench(receiver)
        let first = try #require(await bench.scrape(at: 100))
        #expect(first.failure == nil && first.scraped == 3 && first.changed)
        #expect(try bench.values("a", at: 100) == [["x": "1"]: 1, ["x": "2"]: 2])
        _ = await bench.scrape(at: 101)
        #expect(try bench.values("a", at: 101) == [["x": "1"]: 11, ["x": "2"]: 12])
        let third = try #require(await bench.scrape(at: 102))
        #expect(third.changed == false)
        #expect(try bench.values("a", at: 102) == [["x": "1"]: nil, ["x": "2"]: 22])
        #expect(try bench.values("c", at: 102) == [[:]: 4])
        #expect(try bench.values("b", at: 102) == [[:]: 23])
        #expect(try bench.values("up", at: 102) == [[:]: 1])
        #expect(try bench.values("scrape_samples_scraped", at: 102) == [[:]: 3])
        #expect(receiver.connectionCount == 1, "the connection is kept")
        let request = try #require(receiver.requests.first)
        #expect(request.header("x-prometheus-scrape-timeout-seconds") == "1")
        #expect(request.header("accept")?.contains("openmetrics") == true)
    }

    /// Half a body, and a reset.
    private static var cut: HTTPAnswer {
        var answer = HTTPAnswer(200, ending: .reset)
        answer.raw = Array("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\na 1\n".utf8)
        return answer
    }

    static let failures: [(String, HTTPAnswer, ScrapeReason)] = [
        ("status", HTTPAnswer(500), .httpStatus),
        ("forbidden", HTTPAnswer(403), .authentication),
        ("no type", HTTPAnswer(200, "a 1\n"), .contentType),
        ("html", HTTPAnswer(200, "<p>", headers: [("Content-Type", "text/html")]), .contentType),
        ("broken line", page("a 1\nb{ 2\n"), .parse),
        ("second half broken", page(String(repeating: "a 1\n", count: 3) + "9\n"), .parse),
        ("too many samples", page((0..<20).map { "m\($0) 1\n" }.joined()), .limitSamples),
        ("too long a value", page("a{b=\"\(String(repeating: "x", count: 200))\"} 1\n"), .limitLabelValue),
        ("too large", page(String(repeating: "# c\n", count: 30_000)), .bodyTooLarge),
        ("reset", cut, .connectReset),
        ("slow", HTTPAnswer(200, headers: [type], delay: .seconds(3)), .timeoutFirstByte),
    ]

    @Test(arguments: failures.indices)
    func `a failed scrape is an empty scrape with its reason, and nothing of it is stored`(index: Int) async throws {
        let (name, answer, reason) = Self.failures[index]
        let receiver = try HTTPReceiver()
        let bench = try ScrapeBench(receiver) { configuration in
            configuration.timeout = .milliseconds(500)
            configuration.limits.samples = 10
            configuration.limits.body = 64 << 10
            configuration.limits.labelValueLength = 100
        }
        receiver.enqueue(Self.page("good 1\n"), answer)
        _ = await bench.scrape(at: 100)
        let failed = try #require(await bench.scrape(at: 101))
        #expect(failed.failure?.reason == reason, "\(name): \(String(describing: failed.failure))")
        #expect(failed.changed)
        #expect(try bench.values("up", at: 101) == [[:]: 0])
        #expect(try bench.values("good", at: 101) == [[:]: nil], "\(name): ended by a stale marker")
        #expect(try bench.values("a", at: 101).isEmpty, "\(name): nothing of a failed scrape is stored")
        let status = try #require(bench.board.active.first)
        #expect(status.failures[reason] == 1)
        #expect(status.recentFailures.count == 1)
        receiver.enqueue(Self.page("good 2\n"))
        let recovered = try #require(await bench.scrape(at: 102))
        #expect(recovered.failure == nil, "\(name): \(String(describing: recovered.failure))")
        #expect(try bench.values("good", at: 102) == [[:]: 2])
    }

    @Test func `a refused connection is known at once, and honor_labels decides who wins`() async throws {
        let receiver = try HTTPReceiver()
        let bench = try ScrapeBench(receiver) { $0.honorsLabels = false }
        receiver.enqueue(Self.page("a{job=\"own\",instance=\"x\"} 1\n"))
        _ = await bench.scrape(at: 100)
        let reader = bench.store.reader()
        let labels = try #require(reader.select([.equal("__name__", "a")]).first?.labels)
        #expect(labels["job"] == "test" && labels["exported_job"] == "own" && labels["exported_instance"] == "x")
        receiver.stop()
        let outcome = try #require(await bench.scrape(at: 101))
        #expect(outcome.failure?.reason == .connectRefused)
    }

    @Test func `a peer that dies between scrapes is scraped again at once`() async throws {
        let receiver = try HTTPReceiver { _ in Self.page("a 1\n") }
        let bench = try ScrapeBench(receiver)
        let edges = Mutex<[ScrapeOutcome]>([])
        await bench.loop.run {
            bench.runner.value.observeEdges(clock: { Timestamp(milliseconds: 100_500) }) { outcome in
                edges.withLock { $0.append(outcome) }
            }
        }
        _ = await bench.scrape(at: 100)
        receiver.stop()
        let noticed = await waitUntil(deadline: .seconds(5)) { !edges.withLock { $0.isEmpty } }
        #expect(noticed)
        let outcome = try #require(edges.withLock { $0.first })
        #expect(outcome.changed && outcome.failure?.reason == .connectRefused)
        #expect(try bench.values("up", at: 101) == [[:]: 0])
    }

    @Test func `a target that goes ends its series`() async throws {
        let receiver = try HTTPReceiver { _ in Self.page("a 1\n") }
        let bench = try ScrapeBench(receiver)
        _ = await bench.scrape(at: 100)
        await bench.loop.run { bench.runner.value.retire(at: Timestamp(milliseconds: 101_000)) }
        #expect(try bench.values("a", at: 101) == [[:]: nil])
        #expect(try bench.values("up", at: 101) == [[:]: nil])
        #expect(bench.board.active.isEmpty)
    }
}
