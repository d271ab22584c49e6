// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// Hands mails to a mail server over SMTP, one connection each, without TLS: for a relay on the same host or network.
package struct SMTPMailSink: MailSink {
    private let host: String
    private let port: Int
    private let from: String
    private let deadline: Duration

    package init(host: String, port: Int, from: String, deadline: Duration = .seconds(20)) {
        self.host = host
        self.port = port
        self.from = from
        self.deadline = deadline
    }

    package func deliver(_ mail: Mail) async -> MailOutcome {
        await withTaskGroup(of: MailOutcome.self) { group in
            group.addTask { await converse(mail) }
            group.addTask {
                try? await Task.sleep(for: deadline)  // ends early only when the other task has answered
                return .deferred
            }
            let outcome = await group.next() ?? .deferred
            group.cancelAll()
            return outcome
        }
    }

    private func converse(_ mail: Mail) async -> MailOutcome {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(5))
                .connect(host: host, port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
            return try await channel.executeThenClose { inbound, outbound in
                var replies = SMTPReplies(inbound.makeAsyncIterator())
                return try await dialogue(mail, &replies) { try await outbound.write(ByteBuffer(string: $0 + "\r\n")) }
            }
        } catch {
            return .deferred
        }
    }

    private func dialogue(
        _ mail: Mail,
        _ replies: inout SMTPReplies,
        send: (String) async throws -> Void
    ) async throws -> MailOutcome {
        var code = try await replies.next()
        for command in ["EHLO booking-service", "MAIL FROM:<\(from)>", "RCPT TO:<\(mail.recipient)>", "DATA"] {
            guard let accepted = code, accepted < 400 else { return Self.outcome(code) }
            try await send(command)
            code = try await replies.next()
        }
        guard code == 354 else { return Self.outcome(code) }
        try await send(message(mail))
        code = try await replies.next()
        guard code.map({ $0 < 400 }) ?? false else { return Self.outcome(code) }
        try await send("QUIT")
        return .delivered
    }

    /// The message with its final dot; lines that start with a dot get a second one.
    private func message(_ mail: Mail) -> String {
        let body = mail.body.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasPrefix(".") ? "." + $0 : String($0) }
            .joined(separator: "\r\n")
        return "From: <\(from)>\r\nTo: <\(mail.recipient)>\r\nSubject: \(mail.subject)\r\n"
            + "Content-Type: text/plain; charset=utf-8\r\n\r\n\(body)\r\n."
    }

    private static func outcome(_ code: Int?) -> MailOutcome {
        guard let code, code >= 500 else { return .deferred }
        return .rejected
    }
}

/// Reads the reply codes of an SMTP server; of a reply with several lines the last counts.
private struct SMTPReplies {
    private static let limit = 64 * 1_024
    private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private var pending: [UInt8] = []

    init(_ iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator) { self.iterator = iterator }

    /// The next code; nil when the server has gone or says too much.
    mutating func next() async throws -> Int? {
        while true {
            while let end = pending.firstIndex(of: 10) {
                let line = pending[..<end]
                pending.removeSubrange(...end)
                guard line.count >= 3 else { return nil }
                let isLast = line.count < 4 || line[3] != UInt8(ascii: "-")
                if isLast { return Int(String(decoding: line.prefix(3), as: UTF8.self)) }
            }
            guard pending.count < Self.limit, let bytes = try await iterator.next(isolation: #isolation) else {
                return nil
            }
            pending.append(contentsOf: bytes.readableBytesView)
        }
    }
}
