// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import Testing

@Suite struct CheckStateMachineTests {
    /// One letter per answer: `u`p, `d`own, `w`arning (degraded), `?` undetermined, `a`uthentication refused.
    private func run(_ answers: String, fall: Int = 2, rise: Int = 2) -> (states: String, rechecks: [Int]) {
        var machine = CheckStateMachine(settings: CheckSettings(fall: fall, rise: rise))
        var states = ""
        var rechecks: [Int] = []
        for (index, letter) in answers.enumerated() {
            let (verdict, reason): (CheckResult.Verdict, HealthReason?) =
                switch letter {
                case "u": (.up, nil)
                case "w": (.degraded, .threshold)
                case "a": (.down, .auth)
                case "?": (.undetermined, .internalError)
                default: (.down, .connectRefused)
                }
            let observation = machine.observe(verdict, reason: reason, at: at(Int64(index) * 1_000))
            if observation.recheckNow { rechecks.append(index) }
            states += [.healthy: "H", .degraded: "D", .unknown: "?", .unhealthy: "U"][machine.state] ?? "!"
        }
        return (states, rechecks)
    }

    @Test(arguments: [
        ("u", "H"), ("d", "?"), ("dd", "?U"), ("uuu", "HHH"), ("ud", "HH"), ("udd", "HHU"), ("udud", "HHHH"),
        ("uddu", "HHUU"), ("udduu", "HHUUH"), ("uddudu", "HHUUUU"), ("uww", "HHD"), ("uwwu", "HHDD"),
        ("uwwuu", "HHDDH"), ("uwuw", "HHHH"), ("w", "D"), ("uddww", "HHUUD"), ("u??", "HH?"), ("u?u", "HHH"),
        ("udd??", "HHUUU"), ("u??u", "HH?H"), ("ud?d", "HHHU"), ("ua", "HU"), ("uauu", "HUUH"),
    ])
    func answersBecomeStates(answers: String, expected: String) {
        #expect(run(answers).states == expected)
    }

    @Test func thresholdsAreThoseOfTheSettings() {
        #expect(run("uddd", fall: 3, rise: 1).states == "HHHU")
        #expect(run("udddu", fall: 3, rise: 1).states == "HHHUH")
        #expect(run("ud", fall: 1, rise: 3).states == "HU")
        #expect(run("uduuu", fall: 1, rise: 3).states == "HUUUH")
    }

    @Test func onlyTheFirstFailureIsRepeatedAtOnce() {
        #expect(run("udd").rechecks == [1])
        #expect(run("uddduudu").rechecks == [1, 6])
        #expect(run("uddd", fall: 3).rechecks == [1])
        #expect(run("ud", fall: 1).rechecks.isEmpty)
        #expect(run("ua").rechecks.isEmpty, "a refused login must not be repeated quickly")
    }

    @Test func anOldAnswerIsUnknownAndTheThresholdsAreKept() throws {
        let settings = CheckSettings(interval: .seconds(1), timeout: .milliseconds(500))
        var machine = CheckStateMachine(settings: settings)
        _ = machine.observe(.down, reason: .timeout, at: at(0))
        _ = machine.observe(.down, reason: .timeout, at: at(10))
        #expect(machine.expire(at: at(3_509)) == nil)
        let expired = machine.expire(at: at(3_510))
        let transition = try #require(expired)
        #expect(transition.from == .unhealthy && transition.to == .unknown && transition.reason == .stale)
        #expect(machine.expire(at: at(4_000)) == nil)
        let observation = machine.observe(.up, reason: nil, at: at(5_000))
        #expect(observation.transition?.to == .unhealthy, "one success does not end an outage that nobody watched")
        _ = machine.observe(.up, reason: nil, at: at(6_000))
        #expect(machine.state == .healthy && machine.reason == nil)
    }

    @Test func theReasonIsThatOfTheLastFailure() {
        var machine = CheckStateMachine(settings: CheckSettings())
        #expect(machine.reason == .pending)
        _ = machine.observe(.down, reason: .connectRefused, at: at(0))
        _ = machine.observe(.down, reason: .connectRefused, at: at(1))
        #expect(machine.reason == .connectRefused)
        _ = machine.observe(.down, reason: .startingUp, at: at(2))
        #expect(machine.reason == .startingUp)
    }

    /// Against a second, slow statement of the rules: the last answers decide.
    @Test(arguments: 0..<2_000)
    func agreesWithTheRulesAsWritten(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        let (fall, rise) = (Int.random(in: 1...4, using: &random), Int.random(in: 1...4, using: &random))
        var machine = CheckStateMachine(settings: CheckSettings(fall: fall, rise: rise))
        var history: [Bool] = []
        var expected = HealthState.unknown
        for step in 0..<60 {
            let isUp = Int.random(in: 0..<3, using: &random) > 0
            history.append(isUp)
            let before = machine.state
            let observation = machine.observe(isUp ? .up : .down, reason: isUp ? nil : .timeout, at: at(Int64(step)))
            if history.suffix(fall) == ArraySlice(repeating: false, count: fall) {
                expected = .unhealthy
            } else if isUp, expected == .unknown || history.suffix(rise) == ArraySlice(repeating: true, count: rise) {
                expected = .healthy
            }
            #expect(machine.state == expected, "seed \(seed), step \(step)")
            #expect((observation.transition != nil) == (before != machine.state))
            let isFirstFailure = !isUp && (history.count == 1 || history[history.count - 2])
            #expect(observation.recheckNow == (isFirstFailure && fall > 1 && expected != .unhealthy), "seed \(seed)")
        }
    }
}
