// SPDX-License-Identifier: Apache-2.0

package import Calendar
import TimeSeries
package import YAMLDocument

/// Reads Alertmanager's sections out of a configuration file. Problems go to the readers' list, all of them at once; a
/// value is made in any case, and is only meant to be used when there were no errors.
package struct NotificationDecoder {
    /// What the decoder needs from outside the file.
    package struct Environment: Sendable {
        /// Replaces placeholders such as `${env:X}`; an error's description must be safe to show.
        package var resolve: @Sendable (String) throws -> String
        /// The bytes of a file, nil when it cannot be read; relative paths are the caller's affair.
        package var readFile: @Sendable (String) -> [UInt8]?
        /// The paths that a `templates:` pattern stands for.
        package var expandPattern: @Sendable (String) -> [String]
        /// A time zone of the system's database.
        package var zone: @Sendable (String) -> TimeZoneRules?

        package init(
            resolve: @escaping @Sendable (String) throws -> String,
            readFile: @escaping @Sendable (String) -> [UInt8]?,
            expandPattern: @escaping @Sendable (String) -> [String],
            zone: @escaping @Sendable (String) -> TimeZoneRules?
        ) {
            self.resolve = resolve
            self.readFile = readFile
            self.expandPattern = expandPattern
            self.zone = zone
        }
    }

    let environment: Environment
    let document: YAMLMappingReader
    var defaults: NotificationDefaults

    /// Reads `route`, `receivers`, `inhibit_rules`, `time_intervals`, `mute_time_intervals`, `maintenance` and `templates` of
    /// `document` and Alertmanager's keys of `global`. Calls `finish()` on neither: others read them too.
    package static func decode(
        document: YAMLMappingReader,
        global: YAMLMappingReader?,
        environment: Environment
    ) -> NotificationConfiguration {
        var decoder = NotificationDecoder(
            environment: environment,
            document: document,
            defaults: NotificationDefaults()
        )
        if let global { decoder.defaults = decoder.globalDefaults(global) }
        return decoder.configuration()
    }

    private func configuration() -> NotificationConfiguration {
        var configuration = NotificationConfiguration()
        configuration.resolveTimeout = defaults.resolveTimeout
        configuration.timeIntervals = timeIntervals()
        configuration.maintenance = maintenanceWindows()
        configuration.inhibitionRules = inhibitionRules()
        configuration.receivers = receivers()
        let names = Names(
            receivers: Set(configuration.receivers.map(\.name)),
            intervals: Set(configuration.timeIntervals.map(\.name))
        )
        if let reader = document.mapping("route") { configuration.route = rootRoute(reader, names) }
        if configuration.route == nil, !configuration.receivers.isEmpty {
            document.problem("receivers", "receivers need a route that names one of them", severity: .warning)
        }
        configuration.templates = templates(configuration.receivers)
        configuration.original = RedactedYAML.text(
            document.node,
            keys: [
                "global", "route", "receivers", "inhibit_rules", "time_intervals", "mute_time_intervals",
                "maintenance", "templates",
            ]
        )
        return configuration
    }

    struct Names {
        var receivers: Set<String>
        var intervals: Set<String>
    }

    // MARK: Templates

    private func templates(_ receivers: [Receiver]) -> NotificationTemplates {
        var files: [NotificationTemplates.File] = []
        for pattern in document.strings("templates") ?? [] {
            for path in environment.expandPattern(pattern) {
                guard let bytes = environment.readFile(path), let text = String(validating: bytes, as: UTF8.self) else {
                    document.problem("templates", "template file \(path) cannot be read or is not UTF-8")
                    continue
                }
                files.append(NotificationTemplates.File(name: path, text: text))
            }
        }
        let zone = environment.zone
        var templates = NotificationTemplates(files: files, zones: zone)
        do {
            try templates.check()
        } catch {
            document.problem("templates", error.description)
            return NotificationTemplates(zones: zone)
        }
        for receiver in receivers {
            for text in receiver.integrations.flatMap(\.templateTexts) {
                do {
                    try templates.prepare(text)
                } catch {
                    document.problem("receivers", "receiver \"\(receiver.name)\": \(error.description)")
                }
            }
        }
        return templates
    }
}

extension Integration {
    /// Every text of the integration that is a template.
    var templateTexts: [String] {
        switch settings {
        case .webhook, .journald: []
        case .slack(let slack):
            [
                slack.channel, slack.username, slack.color, slack.title, slack.titleLink, slack.pretext, slack.text,
                slack.fallback, slack.footer, slack.iconEmoji, slack.iconURL, slack.imageURL, slack.thumbURL,
            ] + slack.fields.flatMap { [$0.title, $0.value] }
        case .pagerduty(let event):
            [
                event.client, event.clientURL, event.summary, event.source, event.severity, event.component,
                event.group,
                event.eventClass,
            ] + event.details.map(\.value) + event.links.flatMap { [$0.href, $0.text] }
                + event.images.flatMap { [$0.source, $0.alternative, $0.href] }
        case .email(let mail): [mail.subject, mail.html, mail.text] + mail.headers.map(\.value)
        }
    }
}
