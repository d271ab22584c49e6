// SPDX-License-Identifier: Apache-2.0

/// One selection over the index: which list of series to walk, and what to ask of each.
///
/// A literal or a set of literals leads straight to its lists; an expression is tried once for each distinct value, and
/// only on values that come up when a literal leads.
struct SeriesSearch {
    private struct Condition {
        let matcher: LabelMatcher
        let name: UInt32
        var verdicts: [UInt32: Bool] = [:]
    }

    private var conditions: [Condition] = []
    /// Ascending; nil for all series.
    private(set) var candidates: [UInt32]? = []
    let generation: UInt64

    init(_ matchers: [LabelMatcher], in index: SeriesIndex) {
        generation = index.generation
        var leaders: [(list: [UInt32], condition: Int)] = []
        for matcher in matchers {
            guard let name = index.name(matcher.name.utf8) else {
                // Nobody carries the label: the condition holds for all or for none.
                if matcher.matchesAbsence { continue }
                return
            }
            conditions.append(Condition(matcher: matcher, name: name))
            guard !matcher.matchesAbsence, let literals = matcher.literals else { continue }
            let pairs = literals.compactMap { index.pair(name: name, value: $0.utf8) }
            if pairs.isEmpty { return }
            leaders.append((Self.merge(pairs, in: index), conditions.count - 1))
        }
        if let leader = leaders.min(by: { $0.list.count < $1.list.count }) {
            candidates = leader.list
            conditions.remove(at: leader.condition)
            return
        }
        // The expression with the fewest values leads.
        let expressions = conditions.indices.filter { !conditions[$0].matcher.matchesAbsence }
        let leader = expressions.min {
            index.names[Int(conditions[$0].name)].pairs.count < index.names[Int(conditions[$1].name)].pairs.count
        }
        guard let leader else {
            candidates = nil
            return
        }
        let matcher = conditions[leader].matcher
        let pairs = index.names[Int(conditions[leader].name)].pairs.filter { number in
            index.pair(number).map { matcher.matches(String(decoding: $0.value, as: UTF8.self)) } ?? false
        }
        candidates = Self.merge(pairs, in: index)
        conditions.remove(at: leader)
    }

    /// The lists of several values of one name have no series in common.
    private static func merge(_ pairs: [UInt32], in index: SeriesIndex) -> [UInt32] {
        if pairs.count == 1 { return index.pair(pairs[0])?.series ?? [] }
        var merged: [UInt32] = []
        for pair in pairs { merged += index.pair(pair)?.series ?? [] }
        merged.sort()
        return merged
    }

    /// True when the series is alive and meets all conditions.
    mutating func accepts(_ slot: UInt32, in index: SeriesIndex) -> Bool {
        guard let pairs = unsafe index.pairNumbers(of: slot) else { return false }
        for position in conditions.indices {
            let name = conditions[position].name
            var found: UInt32?
            for place in 0..<pairs.count {
                let pair = unsafe pairs[place]
                guard index.nameOfPair(pair) == name else { continue }
                found = pair
                break
            }
            guard let found else {
                if conditions[position].matcher.matchesAbsence { continue }
                return false
            }
            if let known = conditions[position].verdicts[found] {
                if known { continue }
                return false
            }
            let value = index.pair(found).map { String(decoding: $0.value, as: UTF8.self) } ?? ""
            let verdict = conditions[position].matcher.matches(value)
            conditions[position].verdicts[found] = verdict
            if !verdict { return false }
        }
        return true
    }
}

extension LabelMatcher {
    /// The values that match, where these can be listed.
    var literals: [String]? {
        guard !isNegative else { return nil }
        switch pattern {
        case .literal(let literal): return [literal]
        case .set(let literals): return literals
        case .prefix, .anything, .expression: return nil
        }
    }
}
