// SPDX-License-Identifier: Apache-2.0

import AlertRules
import Notifications
import TimeSeries
import YAMLDocument

/// An alerting rule of the simulation, with what it means said a second time, in the plainest way.
struct RuleUnderTest {
    enum NoData: String { case hold, resolve, fire }

    var name: String
    var metric: String
    var expression: String
    /// `for` and `keep_firing_for`, in seconds.
    var hold = 0
    var keep = 0
    var onNoData = NoData.hold
    /// In seconds.
    var holdMaximum = 600
    /// A value that makes the condition true, and one below which it may resolve.
    var threshold = 0.5
    var resolveThreshold: Double?
    var extensions: [String] = []
    /// Kept back while this one fires.
    var parent: String?
    var note = "first"

    func holds(_ value: Double) -> Bool { value > threshold }
    func mayResolve(at value: Double) -> Bool { resolveThreshold.map { value < $0 } ?? !holds(value) }

    var yaml: String {
        var parts = extensions + ["on_no_data: \(onNoData.rawValue)", "hold_max: \(holdMaximum)s"]
        if let resolveThreshold { parts.append("resolve_expr: '\(metric) < \(resolveThreshold)'") }
        if let parent { parts.append("depends_on: [\(parent)], settle: 3s") }
        return """
                  - alert: \(name)
                    expr: '\(expression)'
                    for: \(hold)s
                    keep_firing_for: \(keep)s
                    annotations: { note: '\(note), {{ $value }}' }
                    x_sidecar: { \(parts.joined(separator: ", ")) }

            """
    }
}

/// What runs: three instances of a service, two groups of rules in four editions, two receivers.
enum Scenario {
    static let instances = ["a:1", "b:1", "c:1"]
    static let metrics = (0...8).map { "m\($0)" }
    /// What a scrape of each instance writes, in its order.
    static let series = Dictionary(
        uniqueKeysWithValues: instances.map { instance in
            let names = ["up"] + metrics
            return (instance, names.map { ($0, Labels([("job", "s"), ("instance", instance), ("__name__", $0)])) })
        }
    )
    static let receivers = ["first", "second"]

    /// Editions of the configuration: with another `for` and other annotations (the alerts stay), without a rule, with
    /// another expression (the alerts end).
    static let editions = 4

    static func rules(edition: Int) -> [RuleUnderTest] { allRules[edition] }

    static let rulesByName = allRules.map { Dictionary(uniqueKeysWithValues: $0.map { ($0.name, $0) }) }
    private static let allRules = (0..<editions).map { makeRules(edition: $0) }

    private static func makeRules(edition: Int) -> [RuleUnderTest] {
        var rules = [
            RuleUnderTest(name: "Plain", metric: "m0", expression: edition == 3 ? "m0 > 0.5" : "m0 == 1"),
            RuleUnderTest(name: "Held", metric: "m1", expression: "m1 == 1", hold: edition == 1 ? 8 : 5),
            RuleUnderTest(name: "Kept", metric: "m2", expression: "m2 == 1", hold: 2, keep: 6),
            RuleUnderTest(
                name: "Bent",
                metric: "m3",
                expression: "m3 > 0.75",
                threshold: 0.75,
                resolveThreshold: 0.25
            ),
            RuleUnderTest(name: "Loose", metric: "m4", expression: "m4 == 1", onNoData: .resolve),
            RuleUnderTest(name: "Child", metric: "m5", expression: "m5 == 1", parent: "Plain"),
            RuleUnderTest(
                name: "Restless",
                metric: "m6",
                expression: "m6 == 1",
                extensions: ["flap_detection: { transitions: 4, window: 20s }"]
            ),
            RuleUnderTest(name: "Blind", metric: "m7", expression: "m7 == 1", hold: 4, onNoData: .fire),
            RuleUnderTest(name: "Brief", metric: "m8", expression: "m8 == 1", hold: 1, holdMaximum: 7),
        ]
        if edition == 1 { for index in rules.indices { rules[index].note = "second" } }
        if edition == 2 { rules.removeAll { $0.name == "Loose" } }
        return rules
    }

    static func groups(edition: Int) -> [RuleGroupDefinition] { parsed[edition] }

    private static let parsed = (0..<editions).map { parse(edition: $0) }

    private static func parse(edition: Int) -> [RuleGroupDefinition] {
        let text = """
            groups:
              - name: alerts
                interval: 1s
                rules:
            \(rules(edition: edition).map(\.yaml).joined())
              - name: records
                interval: 2s
                rules:
                  - { record: 'job:m1:sum', expr: 'sum by (job) (m1)' }
            """
        let problems = YAMLProblems()
        return RuleFile.parse(text, path: "rules.yml", problems: problems)?.groups ?? []
    }

    /// Every alert is a group of its own. With `gathers` changes of one alert wait for each other, as they do by
    /// default; without, everything is told at once and can be checked one by one.
    static func notifications(gathers: Bool) -> NotificationConfiguration {
        var configuration = NotificationConfiguration()
        configuration.receivers = receivers.map { name in
            let settings = WebhookSettings(url: Secret("http://127.0.0.1:1/\(name)"))
            return Receiver(name: name, integrations: [Integration(.webhook(settings), sendsResolved: true)])
        }
        configuration.route = RouteConfiguration(
            receiver: "first",
            groupBy: .all,
            groupWait: .zero,
            groupInterval: gathers ? .seconds(5) : .milliseconds(500),
            repeatInterval: .seconds(30 * 86_400),
            routes: [
                RouteConfiguration(receiver: "second", continues: true), RouteConfiguration(receiver: "first"),
            ]
        )
        return configuration
    }
}
