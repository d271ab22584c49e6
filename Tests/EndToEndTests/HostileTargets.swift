// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TestSupport

/// Targets that do what a scraper fears. Each is a real server; all stop with their owner.
final class HostileTargets: Sendable {
    /// Job name and address.
    let addresses: [(job: String, address: String)]
    private let servers: [TCPServer]

    private static let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
    private static let million = Array(String(repeating: "# a comment that says nothing at all\n", count: 28_340).utf8)

    init() async throws {
        let bomb = try await Self.bomb()
        let number = Mutex<UInt64>(0)
        var made: [(String, TCPServer)] = []
        func add(_ job: String, _ answer: @escaping @Sendable (TCPConnection) -> Void) throws {
            let server = try TCPServer { connection in
                while let line = connection.readLine() {
                    guard line.isEmpty else { continue }
                    answer(connection)
                }
            }
            made.append((job, server))
        }
        try add("huge") { connection in
            guard connection.send(Self.head + "Content-Length: \(100 * Self.million.count)\r\n\r\n") else { return }
            for _ in 0..<100 where !connection.send(Self.million) { return }
        }
        try add("endless") { connection in
            guard connection.send(Self.head + "Connection: close\r\n\r\n") else { return }
            while connection.send(Self.million) {}
        }
        try add("one_line") { connection in
            guard connection.send(Self.head + "Connection: close\r\n\r\n#") else { return }
            let line = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
            while connection.send(line) {}
        }
        try add("dripping") { connection in
            guard connection.send(Self.head + "Connection: close\r\n\r\n") else { return }
            while connection.send("a") { Thread.sleep(forTimeInterval: 0.1) }
        }
        try add("hanging") { $0.waitForEnd() }
        try add("bomb") { connection in
            connection.send(Self.head + "Content-Encoding: gzip\r\nContent-Length: \(bomb.count)\r\n\r\n")
            connection.send(bomb)
        }
        try add("headers") { connection in
            connection.send("HTTP/1.1 200 OK\r\n")
            for index in 0..<10_000 where !connection.send("X-Header-\(index): \(index)\r\n") { return }
            connection.send("\r\n")
        }
        try add("churning") { connection in
            let round = number.withLock { number in
                number += 1
                return number
            }
            let body = (0..<5_000).map { "churn{round=\"\(round)\",series=\"\($0)\"} 1\n" }.joined()
            connection.send(Self.head + "Content-Length: \(body.utf8.count)\r\n\r\n" + body)
        }
        try add("random") { connection in
            let seed = number.withLock { number in
                number += 1
                return number
            }
            var random = SeededGenerator(seed: seed)
            var body = Array("# TYPE a counter\na{b=\"c\"} 1\nd 2\n".utf8)
            for _ in 0..<8 {
                body[Int.random(in: 0..<body.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            connection.send(Self.head + "Content-Length: \(body.count)\r\n\r\n")
            connection.send(body)
        }
        addresses = made.map { (job: $0.0, address: "127.0.0.1:\($0.1.port)") }
        servers = made.map(\.1)
    }

    deinit {
        for server in servers { server.stop() }
    }

    /// A quarter of a gigabyte in a few hundred kilobytes.
    private static func bomb() async throws -> [UInt8] {
        let directory = try TemporaryDirectory("bomb")
        let path = directory.path("bomb.gz")
        let command = "yes '# a comment' | head -c 268435456 | gzip -6 > \(path)"
        let result = try await ChildProcess.run("bash", ["-c", command])
        guard result.exit == .code(0) else { throw TestSupportError(result.error) }
        return try readBytes(path)
    }
}
