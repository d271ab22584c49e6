// SPDX-License-Identifier: Apache-2.0

package import PromQL
import RegularExpressions
import YAMLDocument

/// `test rules`: runs unit-test files in promtool's format and reports in its words.
package enum RuleTestCommand {
    package struct Options: Sendable {
        /// All of the language, the experimental parts included.
        package var features = FeatureSet.all
        /// Only groups whose names match one of these expressions; all when empty.
        package var run: [String] = []
        package var ignoresUnknownFields = false
        /// Numbers this near count as equal; nil: promtool's rule, the same number, or with `fuzzy_compare` its neighbour.
        package var relativeTolerance: Double?

        package init() {}
    }

    /// Exit codes: 0 all passed, 1 something failed.
    package static func run(files: [String], options: Options = Options()) -> (output: String, exitCode: Int32) {
        var output = ""
        var hasFailed = false
        for path in files {
            output += "Unit Testing:  \(path)\n"
            var warnings = ""
            let failures = test(path, options: options, warnings: &warnings)
            output += warnings
            if failures.isEmpty {
                output += "  SUCCESS\n"
            } else {
                hasFailed = true
                output += "  FAILED:\n" + failures.map { $0 + "\n\n" }.joined()
            }
            output += "\n"
        }
        return (output, hasFailed ? 1 : 0)
    }

    private static func test(_ path: String, options: Options, warnings: inout String) -> [String] {
        let problems = YAMLProblems()
        let text: String
        do throws(RuleFileError) {
            text = try RuleFiles.read(path)
        } catch {
            return [error.description]
        }
        guard let file = RuleTestFile.parse(text, path: path, problems: problems) else { return lines(problems) }
        var rules: [RuleGroupDefinition] = []
        var fileOptions = RuleFile.Options()
        fileOptions.features = options.features
        fileOptions.ignoresUnknownFields = options.ignoresUnknownFields
        for pattern in file.ruleFiles {
            let resolved = RuleFiles.resolve(pattern, besides: path)
            let paths = RuleFiles.matching(resolved)
            if paths.isEmpty { warnings += "  WARNING: no file match pattern \(resolved)\n" }
            for path in paths {
                do throws(RuleFileError) {
                    let text = try RuleFiles.read(path)
                    rules += RuleFile.parse(text, path: path, options: fileOptions, problems: problems)?.groups ?? []
                } catch {
                    problems.add(YAMLProblem(file: path, line: 0, column: 0, message: error.description))
                }
            }
        }
        // Rules that do not parse fail every group that would run them.
        if problems.hasErrors { return file.groups.isEmpty ? [] : lines(problems) }
        var filters: [RegularExpression] = []
        for pattern in options.run {
            do throws(RegularExpressionError) {
                filters.append(try RegularExpression(pattern))
            } catch {
                return [error.description]
            }
        }
        return file.groups.flatMap { group -> [String] in
            let name = Array(group.name.utf8)
            guard filters.isEmpty || filters.contains(where: { $0.firstMatch(in: name) != nil }) else { return [] }
            var run = RuleTestRun(group, file: file, rules: rules, options: options)
            return run.run()
        }
    }

    private static func lines(_ problems: YAMLProblems) -> [String] {
        RuleCheckCommand.lines(problems).split(separator: "\n").map(String.init)
    }
}
