// SPDX-License-Identifier: Apache-2.0

package import PromQL
import TimeSeries

/// One rule of a group as its file defines it, checked and ready to run.
package struct RuleDefinition: Sendable {
    package enum Kind: String, Sendable { case alerting, recording }

    package let kind: Kind
    /// The alert's name, or the metric that is recorded.
    package let name: String
    package let query: RuleQuery
    /// `for`.
    package var holdDuration: Duration = .zero
    package var keepFiringFor: Duration = .zero
    /// The group's labels and the rule's own, which win; templates in an alerting rule.
    package var labels: [(name: String, value: String)] = []
    package var annotations: [(name: String, value: String)] = []
    package var extensions = RuleExtensions()
    package let line: Int
    package let column: Int

    /// What makes a rule the same rule over a reload or a restart: with another value its alerts start anew.
    ///
    /// A changed `for` or annotation keeps the alerts; a changed expression or label does not.
    package var identity: String {
        let pairs = labels.map { "\($0.name)\u{FF}\($0.value)" }.sorted().joined(separator: "\u{FE}")
        return "\(kind.rawValue)\u{FD}\(name)\u{FD}\(query.text)\u{FD}\(pairs)"
    }
}

/// An expression with its text, and what can be said about it without running it.
package struct RuleQuery: Sendable {
    package let text: String
    /// Where the expression browser shows it, behind the external URL.
    let link: String
    package let expression: Expression
    /// Names that its selectors ask for; nil when one of them names no metric exactly and may read anything.
    package let metricNames: Set<String>?

    package init(_ text: String, options: ParserOptions) throws(ParseError) {
        self.text = text
        link = RuleLinks.table(text)
        expression = try parse(text, options: options)
        var names: Set<String>? = []
        for selector in expression.selectors {
            let exact = selector.matchers.first { $0.name == Labels.metricNameLabel && $0.operation == .equal }
            if let exact { names?.insert(exact.value) } else { names = nil }
        }
        metricNames = names
    }

    /// A part of another query, as a query of its own.
    init?(part expression: Expression, of query: RuleQuery) {
        let bytes = Array(query.text.utf8)
        text = String(decoding: bytes[expression.range.clamped(to: 0..<bytes.count)], as: UTF8.self)
        link = RuleLinks.table(text)
        self.expression = expression
        metricNames = query.metricNames
    }

    /// The comparison at the top, if that is what the expression is.
    var comparison: BinaryOperator? {
        var expression = expression
        while case .parenthesised(let node) = expression { expression = node.expression }
        guard case .binary(let node) = expression, ["==", "!=", "<", "<=", ">", ">="].contains(node.operation.rawValue)
        else { return nil }
        return node.operation
    }

    /// A selector per metric that the expression names, with these labels beside: what a result with them came from.
    func series(for labels: Labels) -> [String] {
        (metricNames ?? []).sorted().map { labels.setting(Labels.metricNameLabel, to: $0).description }
    }

    /// True when the expression can read one of these metrics.
    package func reads(anyOf metrics: Set<String>) -> Bool {
        guard let metricNames else { return true }
        return !metricNames.isDisjoint(with: metrics)
    }
}

/// What stands under `x_sidecar:` of a rule.
package struct RuleExtensions: Sendable {
    package enum NoDataPolicy: String, Sendable, CaseIterable { case hold, resolve, fire }

    /// The alert counts only with this many events behind it.
    package struct MinimumEvents: Sendable {
        package var query: RuleQuery
        package var count: Double
    }

    /// This many changes between firing and resolved within the window make the alert a flapping one.
    package struct FlapDetection: Sendable {
        package var transitions: Int
        package var window: Duration
    }

    package var onNoData = NoDataPolicy.hold
    package var holdMaximum: Duration = .seconds(600)
    package var resolveQuery: RuleQuery?
    package var minimumEvents: MinimumEvents?
    /// Names of alerts, checks or jobs: while one of them is failing this alert is not told to anybody.
    package var dependsOn: [String] = []
    /// How long after the last of them recovered this alert stays untold.
    package var settle: Duration = .seconds(30)
    package var flapDetection: FlapDetection?

    package init() {}
}

/// Rules that run one after the other at one timestamp.
package struct RuleGroupDefinition: Sendable {
    package let name: String
    package let file: String
    /// nil: the global evaluation interval.
    package var interval: Duration?
    package var queryOffset: Duration?
    /// 0: none of its own.
    package var limit = 0
    package var labels: [(name: String, value: String)] = []
    package var rules: [RuleDefinition] = []
    package let line: Int

    /// A name that is unique among files.
    package var key: String { "\(file);\(name)" }
}
