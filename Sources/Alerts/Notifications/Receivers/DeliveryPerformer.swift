// SPDX-License-Identifier: Apache-2.0

package import HTTPClient
package import Journal

/// Performs attempts: the thin shell between the engine's decisions and the wire. Decides nothing.
package struct DeliveryPerformer: Sendable {
    private let client: HTTPClient
    private let journal: JournalWriter?

    package init(client: HTTPClient, journal: JournalWriter?) {
        self.client = client
        self.journal = journal
    }

    /// Returns what came of it, at the latest when the attempt's own deadline has passed. From any thread.
    package func perform(_ attempt: DeliveryAttempt) async -> DeliveryOutcome {
        switch attempt.action {
        case .http(let delivery): await post(delivery)
        case .journal(let entries): write(entries)
        case .email(let delivery): await mail(delivery)
        }
    }

    /// A post by itself, as the forwarder's.
    package func post(_ delivery: HTTPDelivery) async -> DeliveryOutcome {
        do throws(HTTPFailure) {
            let response = try await client.perform(Self.request(delivery))
            return .answered(
                status: response.status,
                retryAfter: response.head.header("retry-after"),
                body: Array(response.body.prefix(2048))
            )
        } catch {
            return .failed(reason: error.reason.rawValue, text: error.text)
        }
    }

    /// The request as libcurl is asked for it.
    static func request(_ delivery: HTTPDelivery) -> HTTPRequest {
        var request = delivery.options.request("POST", to: delivery.url, headers: delivery.headers)
        // libcurl would ask first and wait for an answer that few servers give.
        request.headers.append((name: "Expect", value: ""))
        request.body = delivery.body
        return request
    }

    private func write(_ entries: [[(name: String, value: String)]]) -> DeliveryOutcome {
        guard let journal, journal.isReachable else {
            return .refused(reason: "journal_unreachable", text: "no journal listens")
        }
        for fields in entries {
            let value = { (name: String) in fields.first { $0.name == name }?.value }
            let priority = value("PRIORITY").flatMap { Int($0) }.flatMap { JournalPriority(rawValue: $0) }
            let entry = JournalEntry(
                value("MESSAGE") ?? "",
                priority: priority ?? .warning,
                messageID: value("MESSAGE_ID"),
                fields: fields.filter { !["MESSAGE", "PRIORITY", "MESSAGE_ID"].contains($0.name) }.map {
                    JournalEntry.Field($0.name, $0.value)
                }
            )
            guard journal.send(entry) else {
                return .failed(reason: "journal_full", text: "the journal's queue is full")
            }
        }
        return .accepted
    }

    private func mail(_ delivery: EmailDelivery) async -> DeliveryOutcome {
        let settings = delivery.settings
        guard let (host, port) = EmailSettings.split(settings.smarthost) else {
            return .refused(reason: "invalid_request", text: "smarthost")
        }
        var message = MailMessage(
            host: host,
            port: port,
            sender: EmailSettings.address(settings.from) ?? "",
            recipients: settings.to.compactMap(EmailSettings.address),
            content: delivery.message
        )
        message.security = settings.requiresTLS ? (port == 465 ? .tls : .startTLS) : .opportunistic
        message.tls.caFile = settings.caFile
        message.heloName = settings.hello
        message.user = settings.username
        message.password = settings.password?.reveal()
        message.deadline = settings.timeout
        do throws(MailFailure) {
            try await client.send(message)
            return .accepted
        } catch {
            let reason = error.failure.reason.rawValue
            return error.isPermanent
                ? .refused(reason: reason, text: error.failure.text)
                : .failed(reason: reason, text: error.failure.text)
        }
    }
}
