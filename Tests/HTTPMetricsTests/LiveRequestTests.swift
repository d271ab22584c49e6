// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPMetrics
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import SidecarMetrics
import Synchronization
import TestSupport
import Testing

/// Clients that go away, logs that nobody reads: with real sockets and pipes.
@Suite(.timeLimit(.minutes(1))) struct LiveRequestTests {
    @Test func `a client that goes away is a 499`() async throws {
        let service = MiddlewareTests.Service()
        service.router.get("/endless") { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    while true {
                        try await writer.write(ByteBuffer(repeating: 0x78, count: 1_000))
                        try await Task.sleep(for: .milliseconds(2))
                    }
                }
            )
        }
        let registry = service.registry
        @Sendable func lines(_ prefix: String) -> [String] { MiddlewareTests.Service.lines(prefix, of: registry) }
        try await Application(router: service.router).test(.live) { client in
            let port = try #require(client.port)
            let arguments = ["-s", "-m", "0.3", "-o", "/dev/null", "http://127.0.0.1:\(port)/endless"]
            // 28: curl's own time limit made it hang up.
            #expect(try await ChildProcess.run("curl", arguments).exit == .code(28))
            let labels = #"error_type="client_closed","#
            let isRecorded = await waitUntil {
                lines("http_server_request_duration_seconds_count{\(labels)").contains {
                    $0.contains(#"http_response_status_code="499""#) && $0.hasSuffix(" 1")
                }
            }
            #expect(isRecorded, "\(lines("http_server_request_duration_seconds_count"))")
            #expect(lines("http_server_active_requests").allSatisfy { $0.hasSuffix(" 0") })
        }
    }

    /// A way to break off an upload: what is sent of it, and whether the connection ends with a reset.
    struct BrokenUpload: CustomTestStringConvertible {
        let name: String
        let header: String
        let sent: String
        let isReset: Bool
        var testDescription: String { name }
    }

    @Test(arguments: [
        BrokenUpload(name: "length, close", header: "Content-Length: 900", sent: "abc", isReset: false),
        BrokenUpload(name: "length, reset", header: "Content-Length: 900", sent: "abc", isReset: true),
        BrokenUpload(name: "nothing sent, close", header: "Content-Length: 900", sent: "", isReset: false),
        BrokenUpload(name: "chunks, close", header: "Transfer-Encoding: chunked", sent: "3\r\nabc\r\n", isReset: false),
        BrokenUpload(name: "in a chunk, close", header: "Transfer-Encoding: chunked", sent: "9\r\nabc", isReset: false),
        BrokenUpload(name: "chunks, reset", header: "Transfer-Encoding: chunked", sent: "3\r\nabc\r\n", isReset: true),
    ]) func `an upload that the client breaks off is a 499`(upload: BrokenUpload) async throws {
        let service = MiddlewareTests.Service()
        let registry = service.registry
        let isReading = Flag()
        service.router.post("/uploads") { request, _ in
            isReading.raise()
            var request = request
            return try await request.collectBody(upTo: 1_000).readableBytes.description
        }
        try await Application(router: service.router).test(.live) { client in
            let port = try #require(client.port)
            do {
                let connection = try RawConnection(port: port)
                try connection.send("POST /uploads HTTP/1.1\r\nHost: a\r\n\(upload.header)\r\n\r\n\(upload.sent)")
                #expect(await waitUntil { isReading.isRaised })
                if upload.isReset { connection.resetOnClose() }
                withExtendedLifetime(connection) {}
            }
            let prefix = "http_server_request_duration_seconds_count{"
            #expect(await waitUntil { !MiddlewareTests.Service.lines(prefix, of: registry).isEmpty })
            let lines = MiddlewareTests.Service.lines(prefix, of: registry)
            #expect(lines.count == 1)
            #expect(lines.first?.contains(#"error_type="client_closed""#) == true, "\(lines)")
            #expect(lines.first?.contains(#"http_response_status_code="499""#) == true)
            let active = MiddlewareTests.Service.lines("http_server_active_requests", of: registry)
            #expect(active.allSatisfy { $0.hasSuffix(" 0") })
        }
    }

    @Test func `a body that is not HTTP is a 400`() async throws {
        let service = MiddlewareTests.Service()
        let registry = service.registry
        try await Application(router: service.router).test(.live) { client in
            let connection = try RawConnection(port: try #require(client.port))
            try connection.send("POST /boxes/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            let answer = try await connection.read()
            #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
            let prefix = #"http_server_request_duration_seconds_count{http_request_method="POST","#
            #expect(await waitUntil { !MiddlewareTests.Service.lines(prefix, of: registry).isEmpty })
            let lines = MiddlewareTests.Service.lines(prefix, of: registry)
            #expect(lines.first?.contains(#"http_response_status_code="400""#) == true, "\(lines)")
        }
    }

    @Test func `the access log reaches a descriptor as lines of JSON`() async throws {
        let pipe = Pipe()
        let log = AccessLog(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        let service = MiddlewareTests.Service { $0.accessLog = log }
        try await service.run { client in
            for _ in 0..<3 { try await client.execute(uri: "/boxes/\"1?secret", method: .get) { _ in } }
        }
        var text = ""
        while text.count(where: { $0 == "\n" }) < 3 {
            text += String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        }
        for line in text.split(separator: "\n") {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(object?["route"] as? String == "/boxes/{id}")
            #expect(object?["status"] as? Int == 200)
            #expect((object?["duration_ms"] as? Double ?? -1) >= 0)
        }
        #expect(!text.contains("secret"))
        #expect(log.dropped == 0)
    }

    @Test(arguments: [true, false]) func `a log that nobody reads delays nobody and counts its losses`(
        isClosed: Bool
    ) async throws {
        let pipe = Pipe()
        let log = AccessLog(descriptor: pipe.fileHandleForWriting.fileDescriptor, bufferLimit: 4_096)
        if isClosed { try pipe.fileHandleForReading.close() }
        let service = MiddlewareTests.Service { $0.accessLog = log }
        let path = "/boxes/" + String(repeating: "x", count: 1_000)
        try await service.run { client in
            for _ in 0..<200 {
                try await client.execute(uri: path, method: .get) { #expect($0.status == .ok) }
            }
        }
        let isCounted = await waitUntil { log.dropped > 0 }
        #expect(isCounted)
        let line = service.lines("http_access_log_dropped_lines_total ").first
        #expect(line.flatMap { $0.split(separator: " ").last }.flatMap { Double($0) } ?? 0 > 0)
    }

    @Test func `a slow request is logged by its template`() async throws {
        let recorder = LineRecorder()
        let service = MiddlewareTests.Service { configuration in
            configuration.monotonicClock = MiddlewareTests.slowClock()
            configuration.slowRequestThreshold = .milliseconds(1)
            configuration.logger = Logger(label: "slow") { _ in recorder.handler }
        }
        try await service.run { client in
            _ = try await client.execute(uri: "/boxes/1?secret", method: .get) { _ in }
        }
        let logged = recorder.lines
        #expect(logged.count == 1)
        #expect(logged.first?.hasPrefix("warning slow request ") == true)
        #expect(logged.first?.contains("http.route=/boxes/{id}") == true)
        #expect(logged.first?.contains("secret") == false)
    }
}

/// Tells one thread that another has come to a place.
private final class Flag: Sendable {
    private let flag = Atomic<Bool>(false)
    var isRaised: Bool { flag.load(ordering: .acquiring) }
    func raise() { flag.store(true, ordering: .releasing) }
}

/// Remembers what was logged.
private final class LineRecorder: Sendable {
    private let recorded = Mutex<[String]>([])
    var lines: [String] { recorded.withLock { $0 } }
    var handler: any LogHandler { Handler(recorder: self) }

    private struct Handler: LogHandler {
        let recorder: LineRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            recorder.recorded.withLock { $0.append("\(event.level) \(event.message) \(fields.joined(separator: " "))") }
        }
    }
}
