// SPDX-License-Identifier: Apache-2.0

import Glibc
import JSONDocument
import TestSupport

/// Prometheus, VictoriaMetrics or the sidecar, scraping the same targets each second.
final class MetricsEngine {
    enum Kind: String, CaseIterable {
        case prometheus = "Prometheus"
        case victoriaMetrics = "VictoriaMetrics"
        case sidecar = "sidecar"
    }

    let kind: Kind
    let port: UInt16
    private let process: ChildProcess
    private let folder: TemporaryDirectory

    /// - Parameter sidecar: the sidecar's program.
    init(_ kind: Kind, targets: [UInt16], sidecar: String) async throws {
        self.kind = kind
        folder = try TemporaryDirectory("bench-\(kind)")
        port = try freePort()
        let list = targets.map { "\"127.0.0.1:\($0)\"" }.joined(separator: ", ")
        let configuration = try folder.write(
            """
            global: { scrape_interval: 1s, scrape_timeout: 1s }
            scrape_configs:
              - job_name: booking
                static_configs: [ { targets: [ \(list) ] } ]

            """,
            to: "scrape.yml"
        )
        let address = "127.0.0.1:\(port)"
        let data = folder.path("data")
        switch kind {
        case .prometheus:
            process = try ChildProcess(
                "prometheus",
                [
                    "--config.file=\(configuration)", "--storage.tsdb.path=\(data)", "--web.listen-address=\(address)",
                    "--log.level=error",
                ]
            )
        case .victoriaMetrics:
            process = try ChildProcess(
                "victoria-metrics",
                [
                    "-promscrape.config=\(configuration)", "-storageDataPath=\(data)", "-httpListenAddr=\(address)",
                    "-loggerLevel=ERROR", "-search.latencyOffset=0s", "-search.maxUniqueTimeseries=2000000",
                    "-promscrape.maxScrapeSize=256MB",
                ]
            )
        case .sidecar:
            process = try ChildProcess(
                sidecar,
                ["run", "--config", configuration, "--listen", address, "--data-dir", data]
            )
        }
        let ready = kind == .victoriaMetrics ? "/health" : "/-/ready"
        let isReady = await waitUntil(deadline: .seconds(20)) { [port] in
            (try? LoopbackRequest(port: port, ready).status) == 200
        }
        guard isReady else { throw TestSupportError("\(kind.rawValue) is not ready: \(process.errorOutput)") }
    }

    func stop() async { await process.stop(grace: .seconds(20)) }

    /// Makes what was scraped last visible to queries.
    func settle() throws {
        if kind == .victoriaMetrics { _ = try LoopbackRequest(port: port, "/internal/force_flush", timeout: 60) }
    }

    /// The answers' wall-clock times in milliseconds, and what the last answer says.
    func times(_ path: String, repetitions: Int) throws -> (milliseconds: [Double], result: [JSONValue]) {
        var times: [Double] = []
        var result: [JSONValue] = []
        for _ in 0..<repetitions {
            let begin = ContinuousClock.now
            let answer = try LoopbackRequest(port: port, path, timeout: 200)
            times.append((ContinuousClock.now - begin) / .milliseconds(1))
            guard answer.status == 200 else {
                throw TestSupportError("\(kind.rawValue), \(path): \(String(decoding: answer.body, as: UTF8.self))")
            }
            if path.hasPrefix("/api") {
                result = try JSONValue(parsing: answer.body)["data"]?["result"]?.array ?? []
            }
        }
        return (times, result)
    }
}

/// A GET on a connection of its own, on this thread, so that nothing but the server's work is measured.
struct LoopbackRequest {
    let status: Int
    let body: [UInt8]

    init(port: UInt16, _ path: String, timeout: Int = 5) throws {
        let connection = try LoopbackConnection(port: port, timeout: timeout)
        let received = try connection.exchange(
            "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n"
        )
        let text = Array("\r\n\r\n".utf8)
        let end = received.indices.first { received[$0...].starts(with: text) }
        guard let end else { throw TestSupportError("no answer to \(path)") }
        let head = String(decoding: received[..<end], as: UTF8.self).lowercased()
        status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        let rest = Array(received[(end + 4)...])
        body = head.contains("transfer-encoding: chunked") ? Self.joined(rest) : rest
    }

    /// The pieces of a chunked body.
    private static func joined(_ bytes: [UInt8]) -> [UInt8] {
        var body: [UInt8] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\r")) {
            let size = Int(String(decoding: rest[rest.startIndex..<end], as: UTF8.self), radix: 16) ?? 0
            guard size > 0, rest.endIndex - end >= size + 4 else { break }
            body += rest[(end + 2)..<(end + 2 + size)]
            rest = rest[(end + 4 + size)...]
        }
        return body
    }
}

/// A blocking connection that is read to its end.
private final class LoopbackConnection {
    private let descriptor: Int32

    init(port: UInt16, timeout: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: timeout, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard connectLoopback(descriptor, port: port) else { throw TestSupportError("connect: errno \(errno)") }
    }

    deinit { close(descriptor) }

    func exchange(_ request: String) throws -> [UInt8] {
        guard writeAll(Array(request.utf8), to: descriptor) else { throw TestSupportError("send: errno \(errno)") }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
            guard count >= 0 else { throw TestSupportError("recv: errno \(errno)") }
            if count == 0 { return received }
            received += buffer[..<count]
        }
    }
}
