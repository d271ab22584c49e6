// SPDX-License-Identifier: Apache-2.0

package import PromQL
package import TimeSeries

/// Rules over the sidecar's own store. Belongs to the thread that evaluates rules.
package final class StoreRuleEnvironment: RuleEnvironment {
    private let store: TimeSeriesStore
    private let engine: QueryEngine
    private let limits: QueryLimits
    private let parserOptions: ParserOptions
    private var appenders: [String: SeriesAppender] = [:]
    /// The metric names that each rule has written.
    private var written: [String: Set<String>] = [:]
    /// Rules whose last commit was empty: there is nothing left that the next empty one would end.
    private var idle: Set<String> = []
    /// What rules of one moment read alike is read once.
    private let shared = SharedPasses()
    /// How far back a series' end is looked for.
    private let memory: Duration

    package init(store: TimeSeriesStore, engine: QueryEngine, limits: QueryLimits = QueryLimits()) {
        self.store = store
        self.engine = engine
        self.limits = limits
        parserOptions = ParserOptions(features: engine.configuration.features)
        memory = store.configuration.retention
    }

    package func evaluate(_ query: RuleQuery, at time: Timestamp) throws(RuleQueryError) -> [RuleSample] {
        try Self.run(query.expression, engine, store.reader(), limits, at: time, shared)
    }

    /// Plans that took what another rule of the same moment had read.
    package var sharedUses: Int { shared.uses }

    static func run(
        _ expression: Expression,
        _ engine: QueryEngine,
        _ reader: StoreReader,
        _ limits: QueryLimits,
        at time: Timestamp,
        _ shared: SharedPasses? = nil
    ) throws(RuleQueryError) -> [RuleSample] {
        let result: QueryResult
        do throws(QueryError) {
            result = try engine.instant(expression, at: time, reader: reader, limits: limits, shared: shared)
        } catch {
            throw RuleQueryError(error.description)
        }
        switch result.value {
        case .vector(let samples): return samples.map { RuleSample(labels: $0.labels, value: $0.value) }
        case .scalar(let value): return [RuleSample(labels: Labels(), value: .float(value))]
        case .string, .matrix: throw RuleQueryError("rule result is not a vector or scalar")
        }
    }

    package func write(_ samples: [RuleSample], rule: String, at time: Timestamp) throws(RuleQueryError) -> Int {
        if samples.isEmpty, appenders[rule] == nil { return 0 }
        let appender = appenders[rule] ?? store.appender(source: "rule " + rule)
        appenders[rule] = appender
        // After the clock was set back even nothing has to be said anew: what ended may be in sight again.
        if samples.isEmpty, idle.contains(rule), appender.newestCommit.map({ $0 < time }) == true { return 0 }
        for sample in samples { written[rule, default: []].insert(sample.labels[Labels.metricNameLabel] ?? "") }
        // Series that are no longer written get stale markers.
        defer { for name in written[rule] ?? [] { shared.forget(metric: name) } }
        do throws(StoreError) {
            for sample in samples {
                let reference = try appender.series(sample.labels)
                switch sample.value {
                case .float(let value): appender.append(reference, value)
                case .histogram(let histogram): appender.append(reference, histogram)
                }
            }
            let stored = try appender.commit(at: time).stored
            if samples.isEmpty { idle.insert(rule) } else { idle.remove(rule) }
            return stored
        } catch {
            appender.rollback()
            throw RuleQueryError(error.description)
        }
    }

    package func retire(rule: String, at time: Timestamp) {
        appenders.removeValue(forKey: rule)?.retire(at: time)
        written[rule] = nil
        idle.remove(rule)
        shared.forgetAll()
    }

    package func lastWritten(_ labels: Labels, as value: Double, before time: Timestamp) -> Timestamp? {
        let reader = store.reader()
        let matchers = labels.pairs.map { LabelMatcher.equal($0.name, $0.value) }
        guard let handle = reader.select(matchers).first(where: { $0.labels == labels }) else { return nil }
        // Samples of before a clock was set back may lie in the future still.
        for end in [Timestamp.distantFuture, time] {
            var found = reader.latest(handle, at: end, lookback: .seconds(Int64.max))
            // At most one marker follows a value.
            if case .float(let number)? = found?.value, StaleMarker.isStale(number), let marker = found?.timestamp {
                found = reader.latest(handle, at: marker - .milliseconds(1), lookback: .seconds(Int64.max))
            }
            if case .float(value)? = found?.value { return found?.timestamp }
        }
        return nil
    }

    package func sources(of query: RuleQuery, at time: Timestamp, now: Timestamp) -> [RuleSource] {
        let reader = store.reader()
        var failures: [Labels: Bool] = [:]
        var sources: [RuleSource] = []
        for selector in query.expression.selectors {
            for handle in reader.select(selector.matchers, from: time - memory, through: time) {
                if let newest = reader.newest(handle), newest - now >= Timestamp.setBack {
                    sources.append(RuleSource(labels: handle.labels, state: .ahead))
                } else if isLive(handle, reader, at: time) {
                    sources.append(RuleSource(labels: handle.labels, state: .live))
                } else {
                    let key = handle.labels.keeping(["job", "instance", "check"])
                    let failed = failures[key] ?? isFailing(key, reader, at: time)
                    failures[key] = failed
                    sources.append(RuleSource(labels: handle.labels, state: .lost(targetFailed: failed)))
                }
            }
        }
        return sources
    }

    private func isLive(_ handle: SeriesHandle, _ reader: StoreReader, at time: Timestamp) -> Bool {
        guard let latest = reader.latest(handle, at: time, lookback: engine.configuration.lookback) else {
            return false
        }
        if case .float(let value) = latest.value { return !StaleMarker.isStale(value) }
        return true
    }

    /// True when the target or check that writes these series is configured and down: its own `up` is there and 0.
    private func isFailing(_ labels: Labels, _ reader: StoreReader, at time: Timestamp) -> Bool {
        isZero("up", labels.keeping(["job", "instance"]), reader, at: time)
            || isZero("health_check_up", labels, reader, at: time)
    }

    private func isZero(_ name: String, _ labels: Labels, _ reader: StoreReader, at time: Timestamp) -> Bool {
        if labels.isEmpty { return false }
        var matchers = [LabelMatcher.equal(Labels.metricNameLabel, name)]
        labels.forEach { matchers.append(.equal($0, $1)) }
        let lookback = engine.configuration.lookback
        return reader.select(matchers, from: time - lookback, through: time).contains { handle in
            if case .float(0)? = reader.latest(handle, at: time, lookback: lookback)?.value { true } else { false }
        }
    }

    package func templateQuery(at time: Timestamp) -> @Sendable (String) throws(RuleQueryError) -> [RuleSample] {
        let (engine, reader, options, limits) = (engine, store.reader(), parserOptions, limits)
        return { text throws(RuleQueryError) in
            let expression: Expression
            do throws(ParseError) {
                expression = try parse(text, options: options)
            } catch {
                throw RuleQueryError(error.description)
            }
            return try Self.run(expression, engine, reader, limits, at: time)
        }
    }
}
