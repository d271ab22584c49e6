// SPDX-License-Identifier: Apache-2.0

/// `webhook_configs`
package struct WebhookSettings: Hashable, Sendable {
    package var url: Secret
    /// Alerts in one message at most, the rest only counted; 0 is all.
    package var maximumAlerts = 0
    /// Larger groups are told in several messages, so that no receiver has to swallow a bulk of megabytes.
    package var alertsPerMessage = 500
    /// Standard Webhooks: `whsec_…` or plain text. Several while a key is being changed: all of them sign.
    package var signingSecrets: [Secret] = []
    package var http = HTTPOptions()

    package init(url: Secret) { self.url = url }
}

/// `slack_configs`. Texts are templates.
package struct SlackSettings: Hashable, Sendable {
    package struct Field: Hashable, Sendable {
        package var title: String
        package var value: String
        package var isShort: Bool

        package init(title: String, value: String, isShort: Bool) {
            self.title = title
            self.value = value
            self.isShort = isShort
        }
    }

    package var url: Secret
    package var channel = ""
    package var username = #"{{ template "slack.default.username" . }}"#
    package var color = #"{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}"#
    package var title = #"{{ template "slack.default.title" . }}"#
    package var titleLink = #"{{ template "slack.default.titlelink" . }}"#
    package var pretext = #"{{ template "slack.default.pretext" . }}"#
    package var text = #"{{ template "slack.default.text" . }}"#
    package var fallback = #"{{ template "slack.default.fallback" . }}"#
    package var footer = #"{{ template "slack.default.footer" . }}"#
    package var iconEmoji = ""
    package var iconURL = ""
    package var imageURL = ""
    package var thumbURL = ""
    package var fields: [Field] = []
    package var markdownIn: [String] = ["fallback", "pretext", "text"]
    package var linksNames = false
    package var http = HTTPOptions()

    package init(url: Secret) { self.url = url }
}

/// `pagerduty_configs`, Events API v2, or v1 with a service key. Texts are templates.
package struct PagerDutySettings: Hashable, Sendable {
    package struct Link: Hashable, Sendable {
        package var href: String
        package var text: String

        package init(href: String, text: String) {
            self.href = href
            self.text = text
        }
    }

    package struct Image: Hashable, Sendable {
        package var source: String
        package var alternative: String
        package var href: String

        package init(source: String, alternative: String, href: String) {
            self.source = source
            self.alternative = alternative
            self.href = href
        }
    }

    package struct Detail: Hashable, Sendable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package static let defaultURL = "https://events.pagerduty.com/v2/enqueue"
    package static let firstVersionURL = "https://events.pagerduty.com/generic/2010-04-15/create_event.json"
    package static let defaultDetails = [
        Detail(name: "firing", value: #"{{ template "pagerduty.default.instances" .Alerts.Firing }}"#),
        Detail(name: "resolved", value: #"{{ template "pagerduty.default.instances" .Alerts.Resolved }}"#),
        Detail(name: "num_firing", value: "{{ .Alerts.Firing | len }}"),
        Detail(name: "num_resolved", value: "{{ .Alerts.Resolved | len }}"),
    ]

    /// The routing key of version 2 or the service key of version 1.
    package var routingKey: Secret
    package var isVersion1 = false
    package var url = PagerDutySettings.defaultURL
    package var client = #"{{ template "pagerduty.default.client" . }}"#
    package var clientURL = #"{{ template "pagerduty.default.clientURL" . }}"#
    package var summary = #"{{ template "pagerduty.default.description" . }}"#
    package var source = ""
    package var severity = "error"
    package var component = ""
    package var group = ""
    package var eventClass = ""
    package var details = PagerDutySettings.defaultDetails
    package var links: [Link] = []
    package var images: [Image] = []
    package var http = HTTPOptions()

    package init(routingKey: Secret) { self.routingKey = routingKey }
}

/// `email_configs`. Subject and texts are templates.
package struct EmailSettings: Hashable, Sendable {
    package struct Header: Hashable, Sendable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Plain addresses.
    package var to: [String]
    package var from: String
    /// `host:port`
    package var smarthost: String
    package var hello = "localhost"
    package var username: String?
    package var password: Secret?
    package var requiresTLS = true
    package var caFile: String?
    package var headers: [Header] = []
    package var subject = #"{{ template "email.default.subject" . }}"#
    package var html = #"{{ template "email.default.html" . }}"#
    package var text = #"{{ template "email.default.text" . }}"#
    package var timeout = Duration.seconds(30)

    package init(to: [String], from: String, smarthost: String) {
        self.to = to
        self.from = from
        self.smarthost = smarthost
    }
}

/// `journald_configs`
package struct JournaldSettings: Hashable, Sendable {
    package var identifier = "sidecar"

    package init() {}
}
