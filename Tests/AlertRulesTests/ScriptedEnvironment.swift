// SPDX-License-Identifier: Apache-2.0

import AlertRules
import PromQL
import TimeSeries
import YAMLDocument

/// Answers expressions from a table and remembers what rules wrote.
final class ScriptedEnvironment: RuleEnvironment {
    var results: [String: [RuleSample]] = [:]
    var failures: [String: String] = [:]
    var sources: [RuleSource] = []
    var written: [String: [RuleSample]] = [:]
    var writes = 0
    var retired: [String] = []
    var seriesTimes: [Labels: (at: Timestamp, value: Double)] = [:]

    func evaluate(_ query: RuleQuery, at time: Timestamp) throws(RuleQueryError) -> [RuleSample] {
        if let message = failures[query.text] { throw RuleQueryError(message) }
        return results[query.text] ?? []
    }

    func write(_ samples: [RuleSample], rule: String, at time: Timestamp) throws(RuleQueryError) -> Int {
        written[rule] = samples
        writes += 1
        for sample in samples { seriesTimes[sample.labels] = (time, sample.number) }
        return samples.count
    }

    func retire(rule: String, at time: Timestamp) { retired.append(rule) }
    func sources(of query: RuleQuery, at time: Timestamp, now: Timestamp) -> [RuleSource] { sources }

    func lastWritten(_ labels: Labels, as value: Double, before time: Timestamp) -> Timestamp? {
        seriesTimes[labels].flatMap { $0.value == value ? $0.at : nil }
    }

    func templateQuery(at time: Timestamp) -> @Sendable (String) throws(RuleQueryError) -> [RuleSample] {
        let results = results
        return { text in results[text] ?? [] }
    }
}

func time(_ seconds: Double) -> Timestamp { Timestamp(milliseconds: Int64(seconds * 1000)) }

func sample(_ labels: [(String, String)], _ value: Double) -> RuleSample {
    RuleSample(labels: Labels(labels), value: .float(value))
}

/// The groups of a rule file's text, or what is wrong with it.
func groups(_ text: String, path: String = "rules.yml") throws -> [RuleGroupDefinition] {
    let problems = YAMLProblems()
    guard let file = RuleFile.parse(text, path: path, problems: problems) else { throw RuleTextProblems(problems.all) }
    return file.groups
}

struct RuleTextProblems: Error, CustomStringConvertible {
    let problems: [YAMLProblem]
    init(_ problems: [YAMLProblem]) { self.problems = problems }
    var description: String { problems.map(\.description).joined(separator: "\n") }
}
