// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// The two programs under test, as they were built with the tests.
enum Programs {
    static let directory: String = {
        if let given = ProcessInfo.processInfo.environment["SIDECAR_BINARIES"] { return given }
        return root + "/.build/release"
    }()

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static var sidecar: String { directory + "/sidecar" }
    static var bookingService: String { directory + "/booking-service" }
}

/// A running booking service with its own database file.
final class RunningBookingService: Sendable {
    let port: UInt16
    let process: ChildProcess
    let directory: TemporaryDirectory
    var url: String { "http://127.0.0.1:\(port)" }

    init(port: UInt16? = nil, arguments: [String] = []) async throws {
        let port = try port ?? freePort()
        let directory = try TemporaryDirectory("booking")
        self.port = port
        self.directory = directory
        process = try ChildProcess(
            Programs.bookingService,
            ["serve", "--listen", "127.0.0.1:\(port)", "--data-dir", directory.path] + arguments
        )
        try await waitUntilReady(url + "/readyz", process)
    }
}

/// A running sidecar.
final class RunningSidecar: Sendable {
    let port: UInt16
    let process: ChildProcess
    let directory: TemporaryDirectory
    var url: String { "http://127.0.0.1:\(port)" }

    /// Starts it with a configuration, to which the listen address and a data directory are added on the command line.
    /// - Parameter wrapper: a program and its arguments that starts it.
    init(
        configuration: String? = nil,
        arguments: [String] = [],
        directory: TemporaryDirectory? = nil,
        environment: [String: String] = [:],
        wrapper: [String] = []
    ) async throws {
        let port = try freePort()
        let directory = try directory ?? TemporaryDirectory("sidecar")
        self.port = port
        self.directory = directory
        var words = ["run", "--listen", "127.0.0.1:\(port)", "--data-dir", directory.path("data")]
        if let configuration { words += ["--config", try directory.write(configuration, to: "sidecar.yml")] }
        let line = wrapper + [Programs.sidecar] + words + arguments
        process = try ChildProcess(line[0], Array(line.dropFirst()), environment: environment)
        try await waitUntilReady(url + "/-/ready", process)
    }

    /// The result of an instant query, as pairs of labels and value.
    func query(_ expression: String) async throws -> [(labels: [String: String], value: Double)] {
        var components = URLComponents(string: url + "/api/v1/query")
        components?.queryItems = [URLQueryItem(name: "query", value: expression)]
        let answer = try await JSONAnswer(components?.url?.absoluteString ?? "")
        let result = (answer["data"] as? [String: Any])?["result"] as? [[String: Any]] ?? []
        return result.map { sample in
            let text = (sample["value"] as? [Any])?.last as? String ?? ""
            return (sample["metric"] as? [String: String] ?? [:], Double(text) ?? .nan)
        }
    }
}

struct NotReady: Error, CustomStringConvertible {
    let description: String
}

/// Waits until a URL answers 200; throws with the program's own words when it ends or never does.
func waitUntilReady(_ url: String, _ process: ChildProcess, deadline: Duration = .seconds(20)) async throws {
    let ready = await waitUntil(deadline: deadline) {
        if !process.isRunning { return true }
        return await statusCode(url) == 200
    }
    guard ready, process.isRunning else {
        throw NotReady(description: "\(url) not ready\n\(process.output)\n\(process.errorOutput)")
    }
}

/// The status of a GET, nil when there was no answer within a second.
func statusCode(_ url: String) async -> Int? { try? await HTTPGet(url, timeout: 1).status }

/// One GET over a connection of its own.
struct HTTPGet {
    let status: Int
    let headers: [String: String]
    let body: Data
    var text: String { String(decoding: body, as: UTF8.self) }

    init(_ url: String, headers: [String: String] = [:], method: String = "GET", body: String? = nil, timeout: Int = 10)
        async throws
    {
        var arguments = [
            "--silent", "--show-error", "--include", "--globoff", "--max-time", "\(timeout)", "--request", method,
        ]
        if method == "HEAD" { arguments.append("--head") }
        for (name, value) in headers { arguments += ["--header", "\(name): \(value)"] }
        if let body { arguments += ["--data-binary", body] }
        let result = try await ChildProcess.run("curl", arguments + [url])
        guard result.exit == .code(0) else { throw NotReady(description: "\(url): \(result.error)") }
        let bytes = Data(result.output.utf8)
        let separator = Data("\r\n\r\n".utf8)
        guard let end = bytes.range(of: separator) else { throw NotReady(description: "\(url): no head") }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        status = Int(lines.first?.split(separator: " ").dropFirst().first ?? "") ?? 0
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        self.headers = fields
        self.body = bytes[end.upperBound...]
    }
}

/// A GET whose answer is a JSON object.
struct JSONAnswer {
    private let object: [String: Any]

    init(_ url: String) async throws {
        let answer = try await HTTPGet(url)
        object = try JSONSerialization.jsonObject(with: answer.body) as? [String: Any] ?? [:]
    }

    subscript(_ name: String) -> Any? { object[name] }
}
