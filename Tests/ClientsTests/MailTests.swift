// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct MailTests {
    private let loop: EventLoop
    private let client: HTTPClient

    init() throws {
        loop = try EventLoop()
        client = try HTTPClient(loop: loop)
    }

    @Test
    func `a message arrives whole, with every recipient and the login`() async throws {
        defer { loop.stop() }
        let receiver = try SMTPReceiver()
        let text = "Subject: x\r\n\r\nfirst\r\n.leading dot\r\n..\r\nlast"
        var message = message(to: receiver, text)
        message.recipients = ["a@example.org", "b@example.org"]
        message.user = "me"
        message.password = "pa ss"
        try await client.send(message)
        let arrived = try #require(receiver.messages.first)
        #expect(arrived.sender == "sidecar@example.org")
        #expect(arrived.recipients == ["a@example.org", "b@example.org"])
        #expect(arrived.content == text)
        #expect(arrived.login == "|me|pa ss")
    }

    @Test(
        arguments: [
            (["RCPT": "550 no such user"], HTTPFailureReason.rejected, 550, true),
            (["MAIL": "451 try later"], .rejected, 451, false), ([".": "554 spam"], .rejected, 554, true),
            (["AUTH": "535 wrong"], .authentication, 535, true),
        ] as [([String: String], HTTPFailureReason, Int, Bool)]
    )
    func `a refusal has its reply code`(
        replies: [String: String],
        reason: HTTPFailureReason,
        code: Int,
        isPermanent: Bool
    ) async throws {
        defer { loop.stop() }
        let receiver = try SMTPReceiver(replies: replies)
        var message = message(to: receiver, "Subject: x\r\n\r\nx\r\n")
        message.user = "me"
        message.password = "s3cret"
        let failure = await #expect(throws: MailFailure.self) { try await client.send(message) }
        #expect(failure?.failure.reason == reason, "\(failure?.description ?? "")")
        #expect(failure?.replyCode == code)
        #expect(failure?.isPermanent == isPermanent)
        #expect(failure?.description.contains("s3cret") == false)
        #expect(receiver.messages.isEmpty)
    }

    @Test
    func `STARTTLS is never silently skipped`() async throws {
        defer { loop.stop() }
        let receiver = try SMTPReceiver()
        var message = message(to: receiver, "Subject: x\r\n\r\nx\r\n")
        message.security = .startTLS
        let failure = await #expect(throws: MailFailure.self) { try await client.send(message) }
        #expect(failure?.isPermanent == false)
        #expect(receiver.messages.isEmpty)
    }

    @Test
    func `addresses cannot smuggle commands`() async throws {
        defer { loop.stop() }
        let receiver = try SMTPReceiver()
        var message = message(to: receiver, "x")
        message.recipients = ["a@example.org>\r\nRCPT TO:<evil@example.org"]
        let failure = await #expect(throws: MailFailure.self) { try await client.send(message) }
        #expect(failure?.failure.reason == .invalidRequest)
    }

    @Test
    func `a server can be asked how it is without a message`() async throws {
        defer { loop.stop() }
        let receiver = try SMTPReceiver()
        var server = message(to: receiver, "")
        server.recipients = []
        try await client.probe(server)
        #expect(receiver.messages.isEmpty)
        receiver.setReplies(["greeting": "421 overloaded"])
        let failure = await #expect(throws: MailFailure.self) { try await client.probe(server) }
        #expect(failure?.replyCode == 421)
    }

    private func message(to receiver: SMTPReceiver, _ content: String) -> MailMessage {
        var message = MailMessage(
            host: "127.0.0.1",
            port: receiver.port,
            sender: "sidecar@example.org",
            recipients: ["a@example.org"],
            content: Array(content.utf8)
        )
        message.security = .none
        message.deadline = .seconds(5)
        return message
    }
}
