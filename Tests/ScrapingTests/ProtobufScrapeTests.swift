// SPDX-License-Identifier: Apache-2.0

import Exposition
import Scraping
import TestSupport
import Testing
import TimeSeries

/// Scrapes of bodies that our own writer made in protobuf.
@Suite(.timeLimit(.minutes(1))) struct ProtobufScrapeTests {
    private static func page(_ families: [MetricFamily]) -> HTTPAnswer {
        var writer = ExpositionWriter(format: .protobuf)
        for family in families { writer.write(family) }
        var answer = HTTPAnswer(200, headers: [("Content-Type", ExpositionFormat.protobuf.contentType)])
        writer.finish()
        answer.body = Array(writer.bytes)
        return answer
    }

    private static func native(_ base: Double, buckets: Int = 3) -> NativeHistogram {
        NativeHistogram(
            schema: 2,
            zeroThreshold: 0.5,
            zeroCount: base,
            count: base * Double(1 + buckets),
            sum: base * 3,
            positiveSpans: [.init(offset: 1, length: UInt32(buckets))],
            positiveCounts: [Double](repeating: base, count: buckets)
        )
    }

    private static func histogram(_ base: Double, native: NativeHistogram?, classic: Bool = true) -> Metric {
        Metric(
            labels: ["route": "/a"],
            value: .histogram(
                MetricHistogram(
                    count: base * 4,
                    sum: base * 3,
                    buckets: classic
                        ? [
                            .init(upperBound: 1, cumulativeCount: base * 2),
                            .init(upperBound: .infinity, cumulativeCount: base * 4),
                        ] : [],
                    native: native
                )
            )
        )
    }

    private static func families(_ base: Double) -> [MetricFamily] {
        [
            MetricFamily(
                name: "requests_total",
                kind: .counter,
                help: "All of them.",
                metrics: [
                    Metric(labels: ["code": "200"], value: .number(base)),
                    Metric(labels: ["code": "500", "job": "own"], value: .number(base * 2)),
                ]
            ),
            MetricFamily(
                name: "sizes",
                kind: .summary,
                metrics: [
                    Metric(
                        value: .summary(
                            MetricSummary(count: base, sum: base * 9, quantiles: [.init(quantile: 1, value: base)])
                        )
                    )
                ]
            ),
            MetricFamily(name: "seconds", kind: .histogram, metrics: [histogram(base, native: native(base))]),
        ]
    }

    @Test func `classic samples come out as from text, and series end when they are gone`() async throws {
        let receiver = try HTTPReceiver()
        receiver.enqueue(
            Self.page(Self.families(1)),
            Self.page(Self.families(2)),
            Self.page(Array(Self.families(3).dropFirst()))
        )
        let bench = try ScrapeBench(receiver) { $0.protocols = ScrapeProtocol.withNativeHistograms }
        let first = try #require(await bench.scrape(at: 100))
        #expect(first.failure == nil && first.scraped == 9, "\(first)")
        let second = try #require(await bench.scrape(at: 101))
        #expect(second.scraped == 9 && second.seriesAdded == 0)
        #expect(
            try bench.values("requests_total", at: 101) == [
                ["code": "200"]: 2, ["code": "500", "exported_job": "own"]: 4,
            ]
        )
        #expect(try bench.values("sizes", at: 101) == [["quantile": "1.0"]: 2])
        #expect(try bench.values("sizes_sum", at: 101) == [[:]: 18])
        #expect(
            try bench.values("seconds_bucket", at: 101) == [
                ["route": "/a", "le": "1.0"]: 4, ["route": "/a", "le": "+Inf"]: 8,
            ]
        )
        #expect(bench.store.reader().select([.equal("__name__", "seconds")]).isEmpty, "native ones are not asked for")
        _ = await bench.scrape(at: 102)
        #expect(try bench.values("requests_total", at: 102).values.allSatisfy { $0 == nil })
        #expect(try bench.values("seconds_count", at: 102) == [["route": "/a"]: 12])
        let request = try #require(receiver.requests.first)
        let accept = try #require(request.header("accept"))
        #expect(
            accept.hasPrefix(
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=allow-utf-8;q=0.6,"
            )
        )
        #expect(accept.hasSuffix("text/plain;version=0.0.4;q=0.2,*/*;q=0.1"))
    }

    private func stored(_ bench: ScrapeBench, at seconds: Int64) throws -> FloatHistogram? {
        let reader = bench.store.reader()
        guard let handle = reader.select([.equal("__name__", "seconds")]).first else { return nil }
        let latest = reader.latest(handle, at: Timestamp(milliseconds: seconds * 1_000), lookback: .seconds(300))
        guard case .histogram(let histogram)? = latest?.value else { return nil }
        return histogram
    }

    @Test func `native histograms take the place of classic ones, or stand beside them`() async throws {
        for keepsClassic in [false, true] {
            let receiver = try HTTPReceiver()
            receiver.enqueue(Self.page(Self.families(1)), Self.page(Self.families(2)))
            let bench = try ScrapeBench(receiver) {
                $0.scrapesNativeHistograms = true
                $0.alwaysScrapesClassicHistograms = keepsClassic
            }
            let first = try #require(await bench.scrape(at: 100))
            #expect(first.scraped == (keepsClassic ? 10 : 6))
            _ = await bench.scrape(at: 101)
            let found = try #require(try stored(bench, at: 101))
            #expect(found.schema == 2 && found.count == 8 && found.sum == 6 && found.zeroCount == 2)
            #expect(found.positiveSpans == [.init(offset: 1, length: 3)] && found.positiveBuckets == [2, 2, 2])
            #expect(try bench.values("seconds_bucket", at: 101).isEmpty != keepsClassic)
        }
    }

    @Test func `a histogram of too many buckets is made coarser, or fails the scrape`() async throws {
        var wide = Self.native(1, buckets: 40)
        wide.count = 42
        wide.negativeSpans = [.init(offset: 1, length: 1)]
        wide.negativeCounts = [1]
        let family = MetricFamily(
            name: "seconds",
            kind: .histogram,
            metrics: [
                Metric(
                    labels: ["route": "/a"],
                    value: .histogram(MetricHistogram(count: 42, sum: 3, native: wide))
                )
            ]
        )
        let receiver = try HTTPReceiver { _ in Self.page([family]) }
        let coarse = try ScrapeBench(receiver) {
            $0.scrapesNativeHistograms = true
            $0.limits.nativeBuckets = 11
        }
        let outcome = try #require(await coarse.scrape(at: 100))
        #expect(outcome.failure == nil, "\(outcome)")
        let found = try #require(try stored(coarse, at: 100))
        #expect(found.schema == 0 && found.positiveBuckets.reduce(0, +) == 40 && found.positiveBuckets.count <= 10)
        let factor = try ScrapeBench(receiver) {
            $0.scrapesNativeHistograms = true
            $0.nativeHistogramMinimumFactor = 2
        }
        _ = await factor.scrape(at: 100)
        #expect(try stored(factor, at: 100)?.schema == 0)
        let strict = try ScrapeBench(receiver) {
            $0.scrapesNativeHistograms = true
            $0.limits.nativeBuckets = 1
        }
        let failed = try #require(await strict.scrape(at: 100))
        #expect(failed.failure?.reason == .limitNativeBuckets)
    }

    @Test func `every truncation and a changed byte fail the scrape or are read, and never stop the process`()
        async throws
    {
        var writer = ExpositionWriter(format: .protobuf)
        for family in Self.families(1) { writer.write(family) }
        writer.finish()
        let body = Array(writer.bytes)
        let type = (name: "Content-Type", value: ExpositionFormat.protobuf.contentType)
        let receiver = try HTTPReceiver()
        let bench = try ScrapeBench(receiver) { $0.scrapesNativeHistograms = true }
        var random = SeededGenerator(seed: 7)
        var failures = 0
        for round in 0..<200 {
            var answer = HTTPAnswer(200, headers: [type])
            if round < 100 {
                answer.body = Array(body.prefix(Int.random(in: 1..<body.count, using: &random)))
            } else {
                answer.body = body
                answer.body[Int.random(in: 0..<body.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            }
            receiver.enqueue(answer)
            let outcome = try #require(await bench.scrape(at: 100 + Int64(round)))
            if outcome.failure != nil { failures += 1 }
            #expect(outcome.failure == nil || outcome.failure?.reason == .parse, "seed 7, round \(round)")
        }
        #expect(failures > 90, "\(failures)")
    }
}
