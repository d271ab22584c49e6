// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ConnectionEdgeTests {
    @Test(arguments: [false, true])
    func `an idle connection that dies is known within milliseconds, and the next request is served`(reset: Bool)
        async throws
    {
        let loop = try EventLoop()
        defer { loop.stop() }
        let client = try HTTPClient(loop: loop)
        let receiver = try HTTPReceiver()
        let request = HTTPRequest(url: receiver.url)
        let edges = await observe(client, request)
        let sent = MonotonicTime.now()
        _ = try await client.perform(request)
        let served = MonotonicTime.now()
        #expect(edges.withLock { $0.isEmpty })
        let killed = MonotonicTime.now()
        receiver.closeConnections(reset: reset)
        #expect(await waitUntil(every: .milliseconds(1)) { edges.withLock { !$0.isEmpty } })
        let edge = try #require(edges.withLock { $0.first })
        #expect(edge.kind == (reset ? .reset : .closed))
        #expect(edge.at - killed < .milliseconds(20))
        // The loop may look away from the connection a moment after the answer has been handed over.
        #expect(edge.idle + .milliseconds(20) >= edge.at - served, "idle since the answer")
        #expect(edge.idle <= edge.at - sent)
        #expect(edge.origin == request.origin)
        #expect(try await client.perform(request).status == 200)
        #expect(receiver.connectionCount == 2)
        #expect(edges.withLock { $0.count } == 1)
    }

    @Test
    func `an announced close is no edge`() async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let client = try HTTPClient(loop: loop)
        let receiver = try HTTPReceiver { request in
            request.target == "/old"
                ? {
                    var answer = HTTPAnswer(200, ending: .closeSilently)
                    answer.raw = Array("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)
                    return answer
                }() : HTTPAnswer(200, "ok", ending: request.target == "/kept" ? .keepAlive : .close)
        }
        let edges = await observe(client, HTTPRequest(url: receiver.url))
        #expect(try await client.perform(HTTPRequest(url: receiver.url)).status == 200)
        #expect(try await client.perform(HTTPRequest(url: receiver.url + "/old")).status == 200)
        // one that was not announced comes after those that were, on the same thread
        #expect(try await client.perform(HTTPRequest(url: receiver.url + "/kept")).status == 200)
        receiver.closeConnections()
        #expect(await waitUntil(every: .milliseconds(1)) { edges.withLock { !$0.isEmpty } })
        #expect(edges.withLock { $0.count } == 1)
        #expect(await loop.run { client.statistics.edges } == 1)
    }

    @Test
    func `a busy connection makes no edges and idle ones to other places stay apart`() async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let client = try HTTPClient(loop: loop)
        let first = try HTTPReceiver()
        let second = try HTTPReceiver()
        let edges = await observe(client, HTTPRequest(url: first.url))
        for _ in 0..<200 {
            _ = try await client.perform(HTTPRequest(url: first.url))
            _ = try await client.perform(HTTPRequest(url: second.url))
        }
        second.closeConnections()
        #expect(await waitUntil { await loop.run { client.statistics.edges } == 1 })
        #expect(edges.withLock { $0.isEmpty })
        #expect(first.connectionCount == 1)
    }

    private final class Recorder: Sendable {
        private let edges = Mutex<[ConnectionEdge]>([])

        func withLock<Result: Sendable>(_ body: (inout sending [ConnectionEdge]) -> sending Result) -> Result {
            edges.withLock(body)
        }
    }

    private func observe(_ client: HTTPClient, _ request: HTTPRequest) async -> Recorder {
        let recorder = Recorder()
        _ = await client.loop.run {
            if let origin = request.origin {
                _ = client.observeConnections(to: origin) { edge in recorder.withLock { $0.append(edge) } }
            }
        }
        return recorder
    }
}
