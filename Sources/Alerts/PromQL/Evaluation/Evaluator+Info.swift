// SPDX-License-Identifier: Apache-2.0

import TimeSeries

extension Evaluator {
    private static let identifying = ["instance", "job"]

    /// Adds to each series the labels of the info series with the same `instance` and `job`.
    mutating func info(_ node: FunctionCall, _ window: EvaluationWindow) throws(QueryError) -> Block {
        let base = try vector(node.arguments[0], window)
        var matchers: [LabelMatcher] = []
        if node.arguments.count > 1, case .vector(let selector) = node.arguments[1].unwrapped {
            matchers = selector.matchers
        }
        let nameMatchers = matchers.filter { $0.name == ReservedLabels.name }
        let dataMatchers = matchers.filter { $0.name != ReservedLabels.name }
        let infoNames = try Self.infoNames(nameMatchers)
        // An info series is not enriched by itself.
        let asked = matchers.isEmpty || !nameMatchers.isEmpty ? infoNames : []
        let isInfo = base.series.map { series in
            let name = series.labels.name
            return !asked.isEmpty && asked.allSatisfy { $0.matches(name) }
        }
        let wanted = zip(base.series, isInfo).filter { !$1 }.map(\.0.labels)
        let infos = try infoSeries(infoNames + dataMatchers, for: wanted, node.arguments[0], window)
        var join = InfoJoin(base: base, isInfo: isInfo, infos: infos, dataMatchers: dataMatchers)
        for step in 0..<window.count {
            try checkTime()
            try join.evaluate(step)
        }
        return join.block
    }

    /// What info series are called; matchers that only exclude leave all that end in `_info`.
    private static func infoNames(_ matchers: [LabelMatcher]) throws(QueryError) -> [LabelMatcher] {
        if matchers.isEmpty { return [.equal(ReservedLabels.name, "target_info")] }
        if matchers.contains(where: { $0.operation == .equal || $0.operation == .regexMatch }) { return matchers }
        do {
            return matchers + [try LabelMatcher(ReservedLabels.name, .regexMatch, ".+_info")]
        } catch {
            throw .execution("\(error)")
        }
    }

    /// How far from the query's time the first selector of an expression looks, subqueries on the way included.
    private func shift(of expression: Expression) throws(QueryError) -> (fixed: FixedTime?, offset: Int64)? {
        if case .vector(let selector) = expression {
            return (selector.at, try milliseconds(selector.offset, mayBeNegative: true))
        }
        for child in expression.children {
            guard let (fixed, offset) = try shift(of: child) else { continue }
            guard case .subquery(let subquery) = expression, fixed == nil else { return (fixed, offset) }
            let own = try milliseconds(subquery.offset, mayBeNegative: true)
            return (subquery.at, offset.clampedSum(own))
        }
        return nil
    }

    /// The info series that share an identifying label with one of `wanted`, each with the times of its samples.
    private mutating func infoSeries(
        _ matchers: [LabelMatcher],
        for wanted: [Labels],
        _ argument: Expression,
        _ window: EvaluationWindow
    ) throws(QueryError) -> [InfoJoin.Info] {
        var values: [String: Set<String>] = [:]
        for labels in wanted {
            for name in Self.identifying { if let value = labels[name] { values[name, default: []].insert(value) } }
        }
        guard !values.isEmpty else { return [] }
        let selection = try resolve(matchers)
        let (fixed, offset) = try shift(of: argument) ?? (nil, 0)
        var infos: [InfoJoin.Info] = []
        for handle in selection.handles {
            try tick()
            guard values.allSatisfy({ $0.value.contains(handle.labels[$0.key] ?? "") }) else { continue }
            var times = [Int64?](repeating: nil, count: window.count)
            for step in 0..<window.count {
                let moment = Timestamp(milliseconds: reference(window.time(step), at: fixed, offset: offset))
                guard let (time, value) = reader.latest(handle, at: moment, lookback: configuration.lookback) else {
                    continue
                }
                guard case .float(let float) = value else {
                    throw .execution("this should be an info metric, with float samples: \(handle.labels.inBraces)")
                }
                if !StaleMarker.isStale(float) { times[step] = time.milliseconds }
            }
            infos.append(InfoJoin.Info(labels: handle.labels, times: times))
        }
        return infos
    }
}

/// Joins series with info series, step by step.
struct InfoJoin {
    struct Info {
        var labels: Labels
        /// When its sample at each step was taken.
        var times: [Int64?]
    }

    private let base: Block
    private let isInfo: [Bool]
    private let infos: [Info]
    private let dataMatchers: [LabelMatcher]
    private let dataNames: Set<String>
    private let keys: [Labels]
    private let infoKeys: [Labels]
    private(set) var block: Block
    private var outputs: [Labels: Int] = [:]

    init(base: Block, isInfo: [Bool], infos: [Info], dataMatchers: [LabelMatcher]) {
        self.base = base
        self.isInfo = isInfo
        self.infos = infos
        self.dataMatchers = dataMatchers
        dataNames = Set(dataMatchers.map(\.name))
        keys = base.series.map { $0.labels.keeping(["instance", "job"]) }
        infoKeys = infos.map { $0.labels.keeping(["instance", "job"]) }
        block = Block(steps: base.steps)
    }

    mutating func evaluate(_ step: Int) throws(QueryError) {
        // The newest info series of each name and identity.
        var newest: [Labels: [String: Int]] = [:]
        for (index, info) in infos.enumerated() {
            guard let time = info.times[step] else { continue }
            let (key, name) = (infoKeys[index], info.labels.name)
            if let known = newest[key]?[name], let before = infos[known].times[step] {
                if before == time {
                    throw .execution(
                        "found duplicate series for info metric: existing \(infos[known].labels.inBraces) @ \(before), "
                            + "new \(info.labels.inBraces) @ \(time)"
                    )
                }
                if before > time { continue }
            }
            newest[key, default: [:]][name] = index
        }
        for (index, series) in base.series.enumerated() {
            guard let value = series.row.value(step) else { continue }
            guard let labels = try enriched(index, newest[keys[index]] ?? [:]) else { continue }
            try put(value, labels, series.dropsName, step)
        }
    }

    private func enriched(_ index: Int, _ found: [String: Int]) throws(QueryError) -> Labels? {
        let labels = base.series[index].labels
        if isInfo[index] { return labels }
        var added: [String: String] = [:]
        var conflict: String?
        for name in found.keys.sorted() {
            guard let position = found[name] else { continue }
            infos[position].labels.forEach { label, value in
                if label == ReservedLabels.name { return }
                if !dataNames.isEmpty, !dataNames.contains(label) { return }
                if let known = added[label], known != value { conflict = label }
                if labels[label] == nil { added[label] = value }
            }
        }
        if let conflict { throw .execution("conflicting label: \(conflict)") }
        if found.isEmpty, !dataMatchers.allSatisfy(\.matchesAbsence) { return nil }
        var result = labels
        for (label, value) in added { result = result.setting(label, to: value) }
        return result
    }

    private mutating func put(
        _ value: SampleValue,
        _ labels: Labels,
        _ dropsName: Bool,
        _ step: Int
    ) throws(QueryError) {
        let output: Int
        if let known = outputs[labels] {
            output = known
        } else {
            output = block.series.count
            outputs[labels] = output
            block.append(labels, Row(steps: block.steps), dropsName: dropsName)
        }
        if block.series[output].row.presence[step] != Presence.none { throw Evaluator.sameLabels }
        block.series[output].row.set(step, value)
    }
}
