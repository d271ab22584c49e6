// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// The configuration of most tests about alerts: one target, scraped and evaluated ten times a second, and one webhook that
/// is told of everything at once.
enum WebhookConfiguration {
    /// The alert of `MetricsTarget`.
    static func broken(hold: String = "0s") -> String { "      - { alert: Broken, expr: broken == 1, for: \(hold) }\n" }

    /// - Parameters:
    ///   - rules: the entries of the one rule group, as in a rule file.
    ///   - group: more of the group itself, indented by four.
    ///   - global: more of the section `global`.
    ///   - receivers: more integrations of the one receiver.
    ///   - more: more sections.
    static func make(
        target: UInt16,
        receiver: HTTPReceiver,
        rules: String,
        in directory: TemporaryDirectory,
        group: String = "",
        selfWatch: Bool = false,
        global: String = "",
        receivers: String = "",
        more: String = ""
    ) throws -> String {
        let path = try write(rules, group: group, in: directory)
        return """
            global: { scrape_interval: 100ms, evaluation_interval: 100ms\(global.isEmpty ? "" : ", " + global) }
            self_watch: \(selfWatch)
            scrape_configs: [ { job_name: t, static_configs: [ { targets: [ "127.0.0.1:\(target)" ] } ] } ]
            rule_files: [ "\(path)" ]
            route: { receiver: hook, group_by: [ "..." ], group_wait: 0s, group_interval: 50ms, repeat_interval: 4h }
            receivers:
              - name: hook
                webhook_configs: [ { url: "\(receiver.url)/", send_resolved: true } ]
                \(receivers.split(separator: "\n").joined(separator: "\n    "))
            \(more)
            """
    }

    /// The rule file, whose path it returns; written again for a reload.
    static func write(_ rules: String, group: String = "", in directory: TemporaryDirectory) throws -> String {
        try directory.write("groups:\n  - name: g\n" + group + "    rules:\n" + rules, to: "rules.yml")
    }
}
