// SPDX-License-Identifier: Apache-2.0

/// A named list of ways to reach people.
package struct Receiver: Hashable, Sendable {
    package var name: String
    package var integrations: [Integration]

    package init(name: String, integrations: [Integration] = []) {
        self.name = name
        self.integrations = integrations
    }

    /// Every integration with its key: `receiver/kind[index]`, the index counted per kind as in the file.
    package func keyed() -> [(key: String, integration: Integration)] {
        var counts: [Integration.Kind: Int] = [:]
        return integrations.map { integration in
            let index = counts[integration.kind, default: 0]
            counts[integration.kind] = index + 1
            return ("\(name)/\(integration.kind.rawValue)[\(index)]", integration)
        }
    }
}

/// One way to reach somebody.
package struct Integration: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case webhook, slack, pagerduty, email, journald
    }

    package enum Settings: Hashable, Sendable {
        case webhook(WebhookSettings)
        case slack(SlackSettings)
        case pagerduty(PagerDutySettings)
        case email(EmailSettings)
        case journald(JournaldSettings)
    }

    package var settings: Settings
    package var sendsResolved: Bool

    /// Without `sendsResolved` the default of the kind counts: no for Slack and e-mail, yes for the others.
    package init(_ settings: Settings, sendsResolved: Bool? = nil) {
        self.settings = settings
        let isChatter =
            switch settings {
            case .slack, .email: true
            default: false
            }
        self.sendsResolved = sendsResolved ?? !isChatter
    }

    package var kind: Kind {
        switch settings {
        case .webhook: .webhook
        case .slack: .slack
        case .pagerduty: .pagerduty
        case .email: .email
        case .journald: .journald
        }
    }

    /// Names the destination without telling it: whoever got a firing must get its resolve in the same place.
    var target: String {
        let parts: [String] =
            switch settings {
            case .webhook(let settings): [settings.url.reveal()]
            case .slack(let settings): [settings.url.reveal(), settings.channel]
            case .pagerduty(let settings): [settings.url, settings.routingKey.reveal()]
            case .email(let settings): [settings.smarthost] + settings.to
            case .journald(let settings): [settings.identifier]
            }
        let text = ([kind.rawValue] + parts).joined(separator: "\u{0}")
        return Digest.hexadecimal(Digest.sha256(text.utf8).prefix(8))
    }

    /// Everything in here that must never be shown.
    var secrets: [Secret] {
        switch settings {
        case .webhook(let settings):
            [settings.url] + settings.url.urlParts + settings.signingSecrets + settings.http.secrets
        case .slack(let settings): [settings.url] + settings.url.urlParts + settings.http.secrets
        case .pagerduty(let settings): [settings.routingKey] + settings.http.secrets
        case .email(let settings): settings.password.map { [$0] } ?? []
        case .journald: []
        }
    }
}
