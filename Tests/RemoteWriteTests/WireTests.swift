// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import RemoteWrite
import TestSupport
import Testing
import TimeSeries

/// What goes over the wire, when, and what becomes of it, against a scripted receiver.
@Suite struct WireTests {
    @Test func `a float, a stale marker, a histogram and labels are all there, and what relabelling drops is counted`()
        async throws
    {
        let receiver = ScriptedReceiver()
        var configuration = RemoteWriteConfiguration(url: "http://receiver/write")
        configuration.sendsNativeHistograms = true
        let source = try Source(receiver, configuration) { labels in
            labels["drop"] == nil ? labels.setting("site", to: "eu1") : nil
        }
        let histogram = FloatHistogram(
            counterResetHint: .gauge,
            schema: -2,
            zeroThreshold: 0.001,
            zeroCount: 2,
            count: 7.5,
            sum: -3,
            positiveSpans: [.init(offset: -4, length: 2), .init(offset: 3, length: 1)],
            negativeSpans: [.init(offset: 1, length: 1)],
            positiveBuckets: [1, 2, 0.5],
            negativeBuckets: [2]
        )
        try source.commit(1, ["a": 1.5, "b": -0.0]) { appender in
            appender.append(try appender.series(["__name__": "h"]), histogram)
            appender.append(try appender.series(["__name__": "x", "drop": "1"]), 1)
        }
        try source.commit(2, ["b": 0])
        while await source.destination.sendDue() == .zero {}
        let received = receiver.series
        let time = Source.base.milliseconds
        #expect(received["a{i=\"a\", site=\"eu1\"}"]?.map(\.text) == ["\(time + 1_000) 1.5", "\(time + 2_000) stale"])
        #expect(received["b{i=\"b\", site=\"eu1\"}"]?.map(\.text) == ["\(time + 1_000) -0.0", "\(time + 2_000) 0.0"])
        let sent = try #require(received["h{site=\"eu1\"}"]?.first?.histogram)
        #expect(sent == histogram)
        #expect(received.count == 3)
        #expect(source.destination.statistics.samplesDropped[.relabelled] == 2)
        #expect(source.destination.statistics.samplesSent == 6)
        #expect(source.destination.statistics.samplesPending == 0)
        let request = try #require(receiver.requests.first)
        #expect(request.headers["content-encoding"] == "snappy")
        #expect(request.headers["content-type"] == "application/x-protobuf")
        #expect(request.headers["x-prometheus-remote-write-version"] == "0.1.0")
    }

    @Test func `retries back off, what the receiver asks for goes first, and what it refuses is counted`() async throws
    {
        let receiver = ScriptedReceiver()
        let source = try Source(receiver, RemoteWriteConfiguration(url: "http://receiver/write"))
        receiver.answers = [
            .failure(.connectRefused), .status(500), .status(503, retryAfter: 17), .status(429, retryAfter: 90_000),
            .status(302), .status(500), .status(500), .status(500), .status(500), .status(500), .status(500),
        ]
        try source.commit(1, ["a": 1, "b": 2])
        #expect(await source.destination.sendDue() == .zero)
        let waits = receiver.sleeps
        #expect(
            waits == [30, 60, 17_000, 3_600_000, 120, 240, 480, 960, 1_920, 3_840, 5_000].map { .milliseconds($0) },
            "\(waits)"
        )
        #expect(source.destination.statistics.samplesRetried == 22)
        #expect(source.destination.statistics.samplesSent == 2)

        receiver.answers = [.status(400)]
        try source.commit(2, ["a": 1, "b": 2])
        #expect(await source.destination.sendDue() == .zero)
        #expect(source.destination.statistics.samplesFailed == 2)
        #expect(source.destination.statistics.samplesPending == 0)
        #expect(source.destination.statistics.lastFailure == "http_400")
    }

    @Test(arguments: [1, 3, 8]) func `samples of a series arrive in order, whatever the number of shards`(shards: Int)
        async throws
    {
        let receiver = ScriptedReceiver()
        var configuration = RemoteWriteConfiguration(url: "http://receiver/write")
        configuration.queue.minimumShards = shards
        configuration.queue.maximumShards = shards
        configuration.queue.samplesPerSend = 7
        let source = try Source(receiver, configuration)
        let names = (0..<20).map { "s\($0)" }
        for second in 1...50 {
            try source.commit(second, Dictionary(uniqueKeysWithValues: names.map { ($0, Double(second)) }))
        }
        receiver.answers = (0..<40).map { $0 % 3 == 0 ? .status(503) : .status(204) }
        while await source.destination.sendDue() == .zero {}
        for name in names {
            let values = receiver.series["\(name){i=\"\(name)\"}"]?.map(\.value)
            #expect(values == (1...50).map(Double.init), "\(name)")
        }
        #expect(receiver.requests.allSatisfy { $0.samples <= 7 })
        #expect(source.destination.statistics.samplesSent == 1_000)
    }

    @Test func `metadata goes out once in an interval`() async throws {
        let receiver = ScriptedReceiver()
        let source = try Source(receiver, RemoteWriteConfiguration(url: "http://receiver/write"))
        let entry = RemoteMetadata(family: "m_total", type: "counter", help: "Helps.", unit: "")
        for _ in 0..<5 { await source.destination.sendMetadata { [entry] } }
        #expect(receiver.requests.count == 1)
        #expect(source.destination.statistics.metadataSent == 1)
        source.advance(by: .seconds(61))
        await source.destination.sendMetadata { [entry] }
        #expect(receiver.requests.count == 2)
    }

    @Test func `a URL is shown without its secrets`() {
        let configuration = RemoteWriteConfiguration(url: "https://user:canary@example.org:9/write?token=canary#x")
        #expect(configuration.shownURL == "https://example.org:9/write")
        #expect(!configuration.name.contains("canary"))
    }
}
