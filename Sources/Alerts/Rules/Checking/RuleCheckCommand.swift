// SPDX-License-Identifier: Apache-2.0

import PromQL
import TimeSeries
import YAMLDocument

/// `check rules`: reads rule files and reports in promtool's form.
package enum RuleCheckCommand {
    package struct Options: Sendable {
        package enum Lint: String, Sendable, CaseIterable {
            case all
            case duplicateRules = "duplicate-rules"
            case none
        }

        package var file = RuleFile.Options()
        package var lint = Lint.duplicateRules
        /// Lint findings end with exit code 3.
        package var lintFatal = false

        package init() {}
    }

    /// Exit codes: 0 good, 1 a file is bad, 3 only lint findings and they were to count.
    package static func run(files: [String], options: Options = Options()) -> (output: String, exitCode: Int32) {
        var output = ""
        var hasErrors = false
        var hasFindings = false
        for path in files {
            output += "Checking \(path)\n"
            let problems = YAMLProblems()
            var file: RuleFile?
            do throws(RuleFileError) {
                let text = try RuleFiles.read(path)
                file = RuleFile.parse(text, path: path, options: options.file, problems: problems)
            } catch {
                problems.add(YAMLProblem(file: path, line: 0, column: 0, message: error.description))
            }
            for warning in problems.warnings { output += "  WARNING: \(warning)\n" }
            if let file {
                let duplicates = options.lint == .none ? [] : Self.duplicates(in: file)
                if duplicates.isEmpty {
                    output += "  SUCCESS: \(file.ruleCount) rules found\n"
                } else {
                    hasFindings = true
                    output += "  FAILED:\n" + describe(duplicates, path: path)
                }
            } else {
                hasErrors = true
                output += "  FAILED:\n" + Self.lines(problems)
            }
            output += "\n"
        }
        return (output, hasErrors ? 1 : hasFindings && options.lintFatal ? 3 : 0)
    }

    /// Each problem on a line of its own, in the order of the file.
    static func lines(_ problems: YAMLProblems) -> String {
        var text = ""
        for problem in problems.sorted where problem.severity == .error {
            text += problem.line > 0 ? "\(problem)\n" : "\(problem.file): \(problem.message)\n"
        }
        if problems.omitted > 0 { text += "and \(problems.omitted) more\n" }
        return text
    }

    /// A metric and label set that several rules define.
    private struct Duplicate: Hashable {
        var name: String
        var labels: Labels
        var line: Int
    }

    private static func duplicates(in file: RuleFile) -> [Duplicate] {
        var counts: [Duplicate: Int] = [:]
        var found: [Duplicate] = []
        for rule in file.groups.flatMap(\.rules) {
            let labels = Labels(rule.labels.map { ($0.name, $0.value) })
            let key = Duplicate(name: rule.name, labels: labels, line: 0)
            counts[key, default: 0] += 1
            if counts[key] == 2 { found.append(Duplicate(name: rule.name, labels: labels, line: rule.line)) }
        }
        return found.sorted { ($0.name, $0.labels) < ($1.name, $1.labels) }
    }

    private static func describe(_ duplicates: [Duplicate], path: String) -> String {
        var text = "lint error \(duplicates.count) duplicate rule(s) found.\n"
        for duplicate in duplicates {
            text += "Metric: \(duplicate.name) (again at \(path):\(duplicate.line))\nLabel(s):\n"
            duplicate.labels.forEach { text += "\t\($0): \($1)\n" }
        }
        return text + "Might cause inconsistency while recording expressions\n"
    }

    /// Selectors of a file's rules that match nothing: `check rules --live`. `matches` asks the running sidecar.
    package static func deadSelectors(
        in file: RuleFile,
        matches: (_ selector: String) -> Bool
    ) -> [(line: Int, rule: String, selector: String)] {
        var verdicts: [String: Bool] = [:]
        var dead: [(line: Int, rule: String, selector: String)] = []
        for rule in file.groups.flatMap(\.rules) {
            for selector in rule.query.expression.selectors {
                let text = "{" + selector.matchers.map(\.description).joined(separator: ",") + "}"
                let isAlive = verdicts[text] ?? matches(text)
                verdicts[text] = isAlive
                if !isAlive { dead.append((rule.line, rule.name, text)) }
            }
        }
        return dead
    }
}
