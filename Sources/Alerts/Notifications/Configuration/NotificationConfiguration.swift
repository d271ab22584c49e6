// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Everything that decides who is told what and when: Alertmanager's sections as values.
package struct NotificationConfiguration: Sendable {
    package struct Limits: Hashable, Sendable {
        /// Alerts known at once; newcomers beyond are refused and counted.
        package var alerts = 20_000
        /// Notifications waiting at once; the oldest beyond become dead letters.
        package var outboxItems = 20_000
        /// Bytes of notifications waiting at once.
        package var outboxBytes = 128 << 20
        package var deadLetters = 1000
        package var historyRows = 50_000
        /// How long the history, dead letters, expired silences and the log of quiet groups are kept.
        package var retention = Duration.seconds(120 * 3600)

        package init() {}
    }

    /// nil: history and journal only.
    package var route: RouteConfiguration?
    package var receivers: [Receiver] = []
    package var inhibitionRules: [InhibitionRule] = []
    package var timeIntervals: [NamedTimeInterval] = []
    package var maintenance: [MaintenanceWindow] = []
    package var templates = NotificationTemplates()
    /// Link to this sidecar, for payloads.
    package var externalURL = ""
    /// How long an alert posted without an end lasts.
    package var resolveTimeout = Duration.seconds(300)
    /// The sections as written, without secrets, for `/api/v2/status`.
    package var original = ""
    package var limits = Limits()
    /// Whether alerts go to the journal when no route is configured. The wiring says no on a machine without a journal.
    package var usesJournalByDefault = true

    package init() {}

    /// The receiver that takes everything when no route is configured.
    static let defaultReceiver = Receiver(name: "journald", integrations: [Integration(.journald(JournaldSettings()))])

    var effectiveRoute: RouteConfiguration {
        route
            ?? RouteConfiguration(
                receiver: Self.defaultReceiver.name,
                groupBy: .all,
                groupWait: .zero,
                groupInterval: .seconds(1),
                repeatInterval: .seconds(24 * 3600)
            )
    }

    var effectiveReceivers: [Receiver] {
        guard route == nil else { return receivers }
        return receivers + [usesJournalByDefault ? Self.defaultReceiver : Receiver(name: Self.defaultReceiver.name)]
    }
}
