// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// One try to hand one notification over: everything the transport needs, secrets included, and nothing it must decide.
package struct DeliveryAttempt: Sendable {
    package enum Action: Sendable {
        case http(HTTPDelivery)
        /// Entries for the journal, each a list of fields.
        case journal([[(name: String, value: String)]])
        case email(EmailDelivery)
    }

    /// The outbox item; pass it back with the outcome.
    package let itemID: Int64
    package let notificationID: String
    package let receiver: String
    /// `receiver/kind[index]`
    package let integration: String
    package let kind: Integration.Kind
    /// Counted from 1.
    package let number: Int
    package let startedAt: Timestamp
    package let action: Action
}

/// A POST. Redirects are not followed, certificates are verified, at most `answerLimit` bytes of the answer are read.
package struct HTTPDelivery: Sendable {
    package static let answerLimit = 64 << 10

    package let url: Secret
    package let headers: [HTTPOptions.Header]
    package let body: [UInt8]
    package let options: HTTPOptions
}

/// A message for a mail server.
package struct EmailDelivery: Sendable {
    package let settings: EmailSettings
    /// The whole message, headers and all.
    package let message: [UInt8]
}

extension DeliveryAttempt {
    static func make(_ item: OutboxItem, integration: Integration, at now: Timestamp) -> DeliveryAttempt {
        DeliveryAttempt(
            itemID: item.id,
            notificationID: item.notificationID,
            receiver: item.receiver,
            integration: item.integration,
            kind: integration.kind,
            number: item.attempts,
            startedAt: now,
            action: action(item, integration, at: now)
        )
    }

    private static func action(_ item: OutboxItem, _ integration: Integration, at now: Timestamp) -> Action {
        switch integration.settings {
        case .webhook(let settings):
            return .http(
                http(
                    item,
                    url: settings.url,
                    body: item.body,
                    options: settings.http,
                    secrets: settings.signingSecrets,
                    at: now
                )
            )
        case .slack(let settings):
            return .http(http(item, url: settings.url, body: item.body, options: settings.http, at: now))
        case .pagerduty(let settings):
            let body = PagerDutyEvent.withKey(settings, item.body)
            return .http(http(item, url: Secret(settings.url), body: body, options: settings.http, at: now))
        case .email(let settings): return .email(EmailDelivery(settings: settings, message: item.body))
        case .journald: return .journal(JournalRecord.entries(item.body))
        }
    }

    private static func http(
        _ item: OutboxItem,
        url: Secret,
        body: [UInt8],
        options: HTTPOptions,
        secrets: [Secret] = [],
        at now: Timestamp
    ) -> HTTPDelivery {
        let seconds = now.milliseconds.flooredQuotient(1000)
        var headers = [
            HTTPOptions.Header("Content-Type", Secret("application/json")),
            HTTPOptions.Header("User-Agent", Secret("sidecar")),
            HTTPOptions.Header("Idempotency-Key", Secret(item.notificationID)),
            HTTPOptions.Header("webhook-id", Secret(item.notificationID)),
            HTTPOptions.Header("webhook-timestamp", Secret(String(seconds))),
        ]
        let signature = StandardWebhook.signature(
            id: item.notificationID,
            unixSeconds: seconds,
            body: body,
            secrets: secrets
        )
        if !signature.isEmpty { headers.append(HTTPOptions.Header("webhook-signature", Secret(signature))) }
        return HTTPDelivery(url: url, headers: headers + options.allHeaders, body: body, options: options)
    }
}
