// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A small mail server on a free port: takes everything, or refuses as told; no TLS.
package final class SMTPReceiver: Sendable {
    package struct Message: Hashable, Sendable {
        package var sender: String
        package var recipients: [String]
        /// Header and body with dots unstuffed, lines ended by CR LF.
        package var content: String
        /// What was sent with AUTH PLAIN, decoded, NUL as `|`.
        package var login: String?
    }

    private struct State {
        var messages: [Message] = []
        var replies: [String: String] = [:]
    }

    private final class Shared: Sendable {
        let state = Mutex(State())
    }

    private let shared: Shared
    private let server: TCPServer

    /// - Parameter replies: by command (`greeting`, `EHLO`, `AUTH`, `MAIL`, `RCPT`, `DATA`, `.`), instead of success.
    package init(replies: [String: String] = [:]) throws {
        let shared = Shared()
        shared.state.withLock { $0.replies = replies }
        self.shared = shared
        server = try TCPServer { connection in
            converse(connection) { command in
                shared.state.withLock { $0.replies[command] }
            } accept: { message in
                shared.state.withLock { $0.messages.append(message) }
            }
        }
    }

    package var port: UInt16 { server.port }

    package var messages: [Message] { shared.state.withLock { $0.messages } }

    package func setReplies(_ replies: [String: String]) { shared.state.withLock { $0.replies = replies } }

    package func stop() { server.stop() }
}

private func converse(
    _ connection: TCPConnection,
    reply: (String) -> String?,
    accept: (SMTPReceiver.Message) -> Void
) {
    var message = SMTPReceiver.Message(sender: "", recipients: [], content: "", login: nil)
    connection.send((reply("greeting") ?? "220 test ESMTP") + "\r\n")
    while let line = connection.readLine() {
        let command = line.prefix { $0 != " " && $0 != ":" }.uppercased()
        let scripted = reply(command)
        switch command {
        case "EHLO": connection.send(scripted.map { $0 + "\r\n" } ?? "250-test\r\n250 AUTH PLAIN\r\n")
        case "AUTH":
            let words = line.split(separator: " ")
            let encoded =
                words.count > 2
                ? String(words[2])
                : {
                    connection.send("334 \r\n")
                    return connection.readLine() ?? ""
                }()
            let bytes = Data(base64Encoded: encoded) ?? Data()
            message.login = String(decoding: bytes.map { $0 == 0 ? UInt8(ascii: "|") : $0 }, as: UTF8.self)
            connection.send((scripted ?? "235 ok") + "\r\n")
        case "MAIL":
            message.sender = address(line)
            connection.send((scripted ?? "250 ok") + "\r\n")
        case "RCPT":
            message.recipients.append(address(line))
            connection.send((scripted ?? "250 ok") + "\r\n")
        case "DATA":
            connection.send((scripted ?? "354 go on") + "\r\n")
            if let scripted, !scripted.hasPrefix("3") { continue }
            var lines: [String] = []
            while let text = connection.readLine(), text != "." {
                lines.append(text.hasPrefix(".") ? String(text.dropFirst()) : text)
            }
            message.content = lines.joined(separator: "\r\n")
            let verdict = reply(".") ?? "250 queued"
            if verdict.hasPrefix("2") { accept(message) }
            connection.send(verdict + "\r\n")
        case "QUIT":
            connection.send("221 bye\r\n")
            return
        default: connection.send((scripted ?? "250 ok") + "\r\n")
        }
    }
}

private func address(_ line: String) -> String {
    guard let open = line.firstIndex(of: "<"), let close = line.firstIndex(of: ">") else { return "" }
    return String(line[line.index(after: open)..<close])
}
