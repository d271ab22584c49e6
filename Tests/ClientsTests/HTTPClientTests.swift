// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct HTTPClientTests {
    private let loop: EventLoop
    private let client: HTTPClient

    init() throws {
        loop = try EventLoop()
        client = try HTTPClient(loop: loop)
    }

    @Test
    func `an answer comes with status, headers, body and phases`() async throws {
        defer { loop.stop() }
        let receiver = try HTTPReceiver { _ in
            HTTPAnswer(
                418,
                "short and stout",
                headers: [("Content-Type", "text/plain; charset=utf-8"), ("X-Pot", "tea")]
            )
        }
        let response = try await client.perform(HTTPRequest(url: receiver.url + "/pot?lid=1"))
        #expect(response.status == 418)
        #expect(response.head.contentType == "text/plain; charset=utf-8")
        #expect(response.head.header("x-pot") == "tea")
        #expect(String(decoding: response.body, as: UTF8.self) == "short and stout")
        #expect(response.report.remoteAddress == "127.0.0.1")
        #expect(response.report.httpVersion == 1.1)
        #expect(response.report.bodyBytes == 15)
        #expect(response.report.phases.total > .zero)
        let request = try #require(receiver.requests.first)
        #expect(request.method == "GET")
        #expect(request.target == "/pot?lid=1")
        #expect(request.header("accept-encoding") == "gzip")
        #expect(request.header("user-agent") == "sidecar")
    }

    @Test
    func `methods, headers, bodies and logins are sent as given`() async throws {
        defer { loop.stop() }
        let receiver = try HTTPReceiver()
        var request = HTTPRequest(url: receiver.url + "/hook", method: "POST")
        request.headers = [("Content-Type", "application/json"), ("Idempotency-Key", "abc")]
        request.body = Array(#"{"a":1}"#.utf8)
        request.authorization = .basic(user: "me", password: "pa:ss")
        _ = try await client.perform(request)
        request.method = "PUT"
        request.authorization = .bearer("t0ken")
        _ = try await client.perform(request)
        request.body = nil
        request.method = "DELETE"
        _ = try await client.perform(request)
        request.method = "HEAD"
        _ = try await client.perform(request)
        request.method = "POST"
        request.body = []
        _ = try await client.perform(request)
        let seen = receiver.requests
        #expect(seen.map(\.method) == ["POST", "PUT", "DELETE", "HEAD", "POST"])
        #expect(seen[0].text == #"{"a":1}"#)
        #expect(seen[0].header("content-type") == "application/json")
        #expect(seen[0].header("idempotency-key") == "abc")
        #expect(seen[0].header("authorization") == "Basic bWU6cGE6c3M=")
        #expect(seen[0].header("expect") == nil)
        #expect(seen[1].header("authorization") == "Bearer t0ken")
        #expect(seen[1].text == #"{"a":1}"#)
        #expect(seen[4].header("content-length") == "0")
    }

    @Test
    func `connections are kept and used again`() async throws {
        defer { loop.stop() }
        let receiver = try HTTPReceiver()
        for _ in 0..<5 { _ = try await client.perform(HTTPRequest(url: receiver.url)) }
        let last = try await client.perform(HTTPRequest(url: receiver.url))
        #expect(receiver.connectionCount == 1)
        #expect(last.report.usedKeptConnection)
        #expect(last.report.phases.connect == .zero)
    }

    @Test
    func `redirects are answers unless they are to be followed`() async throws {
        defer { loop.stop() }
        let receiver = try HTTPReceiver { request in
            request.target == "/end"
                ? HTTPAnswer(200, "end") : HTTPAnswer(302, "moved", headers: [("Location", "/end")])
        }
        var request = HTTPRequest(url: receiver.url + "/start")
        #expect(try await client.perform(request).status == 302)
        request.followsRedirects = true
        let followed = try await client.perform(request)
        #expect(followed.status == 200)
        #expect(followed.report.redirects == 1)
        #expect(String(decoding: followed.body, as: UTF8.self) == "end")
    }

    @Test
    func `a compressed body is limited by what it unpacks to`() async throws {
        defer { loop.stop() }
        let directory = try TemporaryDirectory()
        let plain = String(repeating: "0123456789", count: 200_000)
        try directory.write(plain, to: "body")
        #expect(try await ChildProcess.run("gzip", [directory.path("body")]).exit == .code(0))
        let packed = try readBytes(directory.path("body.gz"))
        let receiver = try HTTPReceiver { _ in
            var answer = HTTPAnswer(200, headers: [("Content-Encoding", "gzip")])
            answer.body = packed
            return answer
        }
        var request = HTTPRequest(url: receiver.url)
        let whole = try await client.perform(request)
        #expect(whole.body.count == 2_000_000)
        #expect(whole.report.wireBytes == packed.count)
        request.bodyLimit = 1_000_000
        let failure = await #expect(throws: HTTPFailure.self) { try await client.perform(request) }
        #expect(failure?.reason == .bodyTooLarge)
        request.bodyOverflow = .truncate
        let cut = try await client.perform(request)
        #expect(cut.body.count == 1_000_000)
        #expect(cut.report.isBodyTruncated)
    }

    @Test
    func `a body of exactly the limit passes`() async throws {
        defer { loop.stop() }
        let receiver = try HTTPReceiver { _ in HTTPAnswer(200, "12345") }
        var request = HTTPRequest(url: receiver.url)
        request.bodyLimit = 5
        #expect(try await client.perform(request).body.count == 5)
        request.bodyLimit = 4
        let failure = await #expect(throws: HTTPFailure.self) { try await client.perform(request) }
        #expect(failure?.reason == .bodyTooLarge)
    }

    @Test
    func `an answer of nothing but headers ends`() async throws {
        defer { loop.stop() }
        let receiver = try HTTPReceiver { _ in
            HTTPAnswer(200, "x", headers: (0..<1000).map { ("X-Header-\($0)", "value") })
        }
        let failure = await #expect(throws: HTTPFailure.self) {
            try await client.perform(HTTPRequest(url: receiver.url))
        }
        #expect(failure?.reason == .headersTooLarge)
    }

    @Test(arguments: [
        ("hang", HTTPFailureReason.timeoutFirstByte), ("reset", .connectReset), ("nothing", .connectionClosed),
        ("short", .connectionClosed), ("slow body", .timeoutBody), ("garbage", .protocolViolation),
    ])
    func `each way to fail has its reason`(kind: String, reason: HTTPFailureReason) async throws {
        defer { loop.stop() }
        let receiver = try HTTPReceiver { _ in
            var answer = HTTPAnswer(200, "hello")
            switch kind {
            case "hang": answer.ending = .hang
            case "reset":
                answer.raw = []
                answer.ending = .reset
            case "nothing":
                answer.raw = []
                answer.ending = .closeSilently
            case "short":
                answer.raw = Array("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".utf8)
                answer.ending = .closeSilently
            case "slow body": answer.bodyDelay = .seconds(2)
            default: answer.raw = Array("SSH-2.0-OpenSSH\r\n\r\n".utf8)
            }
            return answer
        }
        var request = HTTPRequest(url: receiver.url)
        request.deadline = .milliseconds(250)
        let start = ContinuousClock.now
        let failure = await #expect(throws: HTTPFailure.self) { try await client.perform(request) }
        #expect(failure?.reason == reason, "\(failure?.text ?? "")")
        #expect(ContinuousClock.now - start < .seconds(1))
    }

    @Test
    func `refused, unknown and impossible peers are told apart`() async throws {
        defer { loop.stop() }
        let port = try freePort()
        for (url, reason) in [
            ("http://127.0.0.1:\(port)/", HTTPFailureReason.connectRefused), ("http://no-such-host.invalid/", .dns),
            ("ftp://127.0.0.1/", .invalidRequest), ("http://127.0.0.1:\(port)/a b", .invalidRequest),
            ("http://user@:99/", .invalidRequest), ("nonsense", .invalidRequest),
        ] {
            let failure = await #expect(throws: HTTPFailure.self) { try await client.perform(HTTPRequest(url: url)) }
            #expect(failure?.reason == reason, "\(url): \(failure?.text ?? "")")
        }
        var unix = HTTPRequest(url: "http://localhost/")
        unix.unixSocketPath = "/nonexistent/socket"
        let failure = await #expect(throws: HTTPFailure.self) { try await client.perform(unix) }
        #expect(failure?.reason == .connectRefused)
    }

    @Test
    func `line ends in headers are refused before anything is sent`() async throws {
        defer { loop.stop() }
        let receiver = try HTTPReceiver()
        var request = HTTPRequest(url: receiver.url)
        request.headers = [("X-Name", "a\r\nX-Evil: b")]
        let failure = await #expect(throws: HTTPFailure.self) { try await client.perform(request) }
        #expect(failure?.reason == .invalidRequest)
        #expect(receiver.requests.isEmpty)
    }

    @Test
    func `an address that is not allowed is not connected to`() async throws {
        defer { loop.stop() }
        let receiver = try HTTPReceiver()
        var request = HTTPRequest(url: receiver.url)
        request.allowsAddress = { $0 != "127.0.0.1" }
        let failure = await #expect(throws: HTTPFailure.self) { try await client.perform(request) }
        #expect(failure?.reason == .addressForbidden)
        #expect(receiver.connectionCount == 0)
    }

    @Test
    func `a cancelled task ends its transfer at once`() async throws {
        defer { loop.stop() }
        let receiver = try HTTPReceiver { _ in HTTPAnswer(200, ending: .hang) }
        let client = self.client
        let task = Task { () -> HTTPFailureReason? in
            do throws(HTTPFailure) {
                _ = try await client.perform(HTTPRequest(url: receiver.url))
                return nil
            } catch { return error.reason }
        }
        #expect(await receiver.waitForRequests(1))
        let start = ContinuousClock.now
        task.cancel()
        #expect(await task.value == .cancelled)
        #expect(ContinuousClock.now - start < .seconds(1))
    }

    @Test
    func `stopping the loop ends what is under way`() async throws {
        let receiver = try HTTPReceiver { _ in HTTPAnswer(200, ending: .hang) }
        let client = self.client
        let task = Task { () -> HTTPFailureReason? in
            do throws(HTTPFailure) {
                _ = try await client.perform(HTTPRequest(url: receiver.url))
                return nil
            } catch { return error.reason }
        }
        #expect(await receiver.waitForRequests(1))
        loop.stop()
        #expect(await task.value == .cancelled)
    }

    @Test
    func `descriptions show neither paths nor passwords`() {
        let request = HTTPRequest(url: "https://user:s3cret@Example.org:8443/hook/t0ken?key=k3y")
        #expect(request.description == "GET https://example.org:8443")
        #expect(HTTPRequest(url: "http://[::1]/").description == "GET http://[::1]:80")
    }
}
