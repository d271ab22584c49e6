// SPDX-License-Identifier: Apache-2.0

/// Holds the rule evaluation of a tick back until all inputs of that tick are committed, at most for a limit.
///
/// A value without clock: the loop says what a tick starts, what has finished, and when the limit has passed. What finishes
/// after the evaluation of its tick is late; the caller decides whether that deserves an extra evaluation.
package struct EvaluationBarrier<Input: Hashable & Sendable>: Sendable {
    /// How long an evaluation waits for inputs.
    package static var patience: Duration { .milliseconds(100) }

    /// The tick that waits, if any.
    package private(set) var waiting: Duration?
    private var outstanding: Set<Input> = []

    package init() {}

    /// A tick begins that evaluates rules. A tick still waiting is given up: the caller evaluates it first.
    ///
    /// - Returns: true when there is nothing to wait for.
    package mutating func begin(tick: Duration, inputs: some Sequence<Input>) -> Bool {
        waiting = tick
        outstanding = Set(inputs)
        if outstanding.isEmpty { waiting = nil }
        return outstanding.isEmpty
    }

    /// What an input's end means.
    package enum Effect: Equatable, Sendable {
        /// Others are still awaited.
        case none
        /// That was the last one: evaluate now.
        case evaluate
        /// Nobody waited for it: its tick was evaluated before, or evaluates nothing.
        case late
    }

    package mutating func finish(_ input: Input) -> Effect {
        guard waiting != nil, outstanding.remove(input) != nil else { return .late }
        guard outstanding.isEmpty else { return .none }
        waiting = nil
        return .evaluate
    }

    /// The limit of the tick has passed.
    ///
    /// - Returns: whether it was still waiting and has to be evaluated now.
    package mutating func expire(tick: Duration) -> Bool {
        guard waiting == tick else { return false }
        waiting = nil
        outstanding.removeAll()
        return true
    }
}
