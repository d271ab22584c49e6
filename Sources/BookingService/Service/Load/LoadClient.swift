// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix

/// A small HTTP/1.1 client with one kept-alive connection, enough to send traffic to the service itself.
///
/// Not for foreign servers: it understands bodies with a length only.
struct LoadClient {
    struct Reply: Sendable {
        var status: Int
        var body: [UInt8]

        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            let decoder = JSONDecoder()
            decoder.dateDecodingStrategy = .iso8601
            return try decoder.decode(type, from: Data(body))
        }
    }

    struct Broken: Error {}

    let host: String
    let port: Int
    let token: String?

    /// Opens a connection and runs `body` with a function that sends one request.
    func connected<Value: Sendable>(
        _ body: (inout LoadConnection) async throws -> Value
    ) async throws -> Value {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(5))
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var connection = LoadConnection(
                host: "\(host):\(port)",
                token: token,
                inbound: inbound.makeAsyncIterator(),
                outbound: outbound
            )
            return try await body(&connection)
        }
    }
}

/// An open connection of the load client.
struct LoadConnection {
    private let host: String
    private let token: String?
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var pending = ByteBuffer()

    init(
        host: String,
        token: String?,
        inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.host = host
        self.token = token
        self.inbound = inbound
        self.outbound = outbound
    }

    mutating func send(
        _ method: String,
        _ path: String,
        body: [UInt8] = [],
        idempotencyKey: String? = nil
    ) async throws -> LoadClient.Reply {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nContent-Length: \(body.count)\r\n"
        if !body.isEmpty { head += "Content-Type: application/json\r\n" }
        if let token { head += "Authorization: Bearer \(token)\r\n" }
        if let idempotencyKey { head += "Idempotency-Key: \(idempotencyKey)\r\n" }
        var request = ByteBuffer(string: head + "\r\n")
        request.writeBytes(body)
        try await outbound.write(request)
        return try await reply()
    }

    private mutating func reply() async throws -> LoadClient.Reply {
        var end = pending.readableBytesView.firstRange(of: Array("\r\n\r\n".utf8))
        while end == nil {
            try await more()
            end = pending.readableBytesView.firstRange(of: Array("\r\n\r\n".utf8))
        }
        let length = end.map { $0.upperBound - pending.readerIndex } ?? 0
        let head = pending.readString(length: length) ?? ""
        let lines = head.split(separator: "\r\n")
        guard let status = lines.first.flatMap({ Int($0.split(separator: " ").dropFirst().first ?? "") }) else {
            throw LoadClient.Broken()
        }
        let size = lines.lazy.map { $0.lowercased() }.first { $0.hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
        guard let size, (0...10_000_000).contains(size) else { throw LoadClient.Broken() }
        while pending.readableBytes < size { try await more() }
        return LoadClient.Reply(status: status, body: pending.readBytes(length: size) ?? [])
    }

    private mutating func more() async throws {
        guard pending.readableBytes < 16_000_000, var bytes = try await inbound.next(isolation: #isolation) else {
            throw LoadClient.Broken()
        }
        pending.discardReadBytes()
        pending.writeBuffer(&bytes)
    }
}
