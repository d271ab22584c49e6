// SPDX-License-Identifier: Apache-2.0

import CCurl
import EventLoop

extension HTTPClient {
    /// Hands a message to a mail server. Returns when the server has accepted it for every recipient. From any thread.
    package func send(_ message: MailMessage) async throws(MailFailure) {
        try await converse(message, isProbe: false)
    }

    /// Greets a mail server, logs in where a user is set, and says NOOP; sends nothing.
    package func probe(_ server: MailMessage) async throws(MailFailure) {
        var server = server
        if server.recipients.isEmpty { server.recipients = ["postmaster"] }
        try await converse(server, isProbe: true)
    }

    private func converse(_ message: MailMessage, isProbe: Bool) async throws(MailFailure) {
        let outcome: Result<Void, MailFailure> = await withCheckedContinuation { continuation in
            let accepted = loop.execute { [self] in
                let exchange = MailExchange(message, isProbe: isProbe, engine: curl) {
                    continuation.resume(returning: $0)
                }
                if let problem = message.problem {
                    exchange.ownFailure = HTTPFailure(.invalidRequest, problem)
                    curl.cancel(exchange)
                    return
                }
                curl.start(
                    exchange,
                    host: message.host,
                    connectTimeout: message.connectTimeout,
                    deadline: message.deadline
                )
            }
            if !accepted {
                let failure = HTTPFailure(.cancelled, "the loop has stopped")
                continuation.resume(returning: .failure(MailFailure(failure: failure, replyCode: 0)))
            }
        }
        try outcome.get()
    }
}

/// One conversation with a mail server.
final class MailExchange: CurlTransfer {
    private let message: MailMessage
    private let isProbe: Bool
    private let completion: (Result<Void, MailFailure>) -> Void
    private var sent = 0

    init(
        _ message: MailMessage,
        isProbe: Bool,
        engine: CurlEngine,
        completion: @escaping (Result<Void, MailFailure>) -> Void
    ) {
        self.message = message
        self.isProbe = isProbe
        self.completion = completion
        super.init(engine: engine, origin: HTTPOrigin(scheme: "smtp", host: message.host, port: message.port))
    }

    override func configure(_ easy: CurlEasy, addresses: [ResolvedAddress], remaining: Duration) {
        let elapsed = MonotonicTime.now() - started
        easy.applyCommon(protocols: "smtp,smtps", connect: message.connectTimeout - elapsed, remaining: remaining)
        let host = ResolvedAddress(numeric: message.host)?.isIPv6 == true ? "[\(message.host)]" : message.host
        let scheme = message.security == .tls ? "smtps" : "smtp"
        easy.set(CURLOPT_URL, "\(scheme)://\(host):\(message.port)/\(message.heloName ?? "")")
        if ResolvedAddress(numeric: message.host) == nil {
            easy.apply(addresses, host: message.host, port: message.port)
        }
        easy.apply(message.tls)
        switch message.security {
        case .none: easy.set(CURLOPT_USE_SSL, Int(CURLUSESSL_NONE.rawValue))
        case .opportunistic: easy.set(CURLOPT_USE_SSL, Int(CURLUSESSL_TRY.rawValue))
        case .startTLS, .tls: easy.set(CURLOPT_USE_SSL, Int(CURLUSESSL_ALL.rawValue))
        }
        if let user = message.user {
            easy.set(CURLOPT_USERNAME, user)
            easy.set(CURLOPT_PASSWORD, message.password ?? "")
        }
        // A kept connection would be greeted by "421 timeout" sooner or later.
        easy.set(CURLOPT_FORBID_REUSE, true)
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        easy.note(unsafe ccurl_set_write(easy.handle, discard, nil))
        if isProbe {
            easy.set(CURLOPT_CUSTOMREQUEST, "NOOP")
            easy.set(CURLOPT_NOBODY, true)
            return
        }
        easy.set(CURLOPT_MAIL_FROM, "<\(message.sender)>")
        easy.set(CURLOPT_MAIL_RCPT, message.recipients.map { "<\($0)>" })
        easy.set(CURLOPT_UPLOAD, true)
        easy.note(unsafe ccurl_set_read(easy.handle, contentWanted, context))
    }

    fileprivate func give(_ room: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(room.count, message.content.count - sent)
        unsafe room.copyBytes(from: message.content[sent..<(sent + count)])
        sent += count
        return count
    }

    override func finished(_ code: CURLcode, _ easy: CurlEasy?) {
        let reply = easy?.long(CURLINFO_RESPONSE_CODE) ?? 0
        if code == CURLE_OK, ownFailure == nil { return completion(.success(())) }
        var failure = ownFailure ?? HTTPFailure(code, easy)
        // libcurl reports a refused sender, recipient or message as an error of sending or of the protocol.
        let isRefusal = [.connectReset, .protocolViolation, .internal].contains(failure.reason) && reply >= 400
        if isRefusal { failure.reason = .rejected }
        completion(.failure(MailFailure(failure: failure, replyCode: reply)))
    }
}

private func contentWanted(
    _ bytes: UnsafeMutablePointer<CChar>?,
    _ size: Int,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let bytes = unsafe bytes, let context = unsafe context else { return ccurl_read_abort }
    let exchange = unsafe Unmanaged<MailExchange>.fromOpaque(context).takeUnretainedValue()
    return unsafe exchange.give(UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
}

private func discard(_: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _: UnsafeMutableRawPointer?) -> Int {
    size * count
}
