// SPDX-License-Identifier: Apache-2.0

package import AlertRules
import PromQL
import YAMLDocument

extension SidecarConfiguration {
    /// Everything that is evaluated: the files' groups, the objectives', and the one that watches the sidecar.
    package var ruleGroups: [RuleGroupDefinition] {
        rules + objectives + (watchesSelf ? [SelfWatchRules.group()].compactMap { $0 } : [])
    }

    /// A rule file that has become bad goes on as it was before.
    package mutating func keepRules(ofBrokenFilesFrom previous: SidecarConfiguration) {
        let broken = Set(brokenRuleFiles)
        rules += previous.rules.filter { broken.contains($0.file) }
    }

    /// A file that is bad is reported apart: it does not stop the others.
    mutating func readRules(
        _ reader: YAMLMappingReader,
        files: FileAccess,
        features: FeatureSet,
        _ problems: YAMLProblems
    ) {
        guard reader.contains("rule_files"), reader.value("rule_files") != nil else { return }
        guard let patterns = reader.strings("rule_files") else { return }
        var options = RuleFile.Options()
        options.features = features
        for pattern in patterns {
            let paths = files.expand(pattern)
            if paths.isEmpty, !pattern.contains("*"), !pattern.contains("?"), !pattern.contains("[") {
                reader.problem("rule_files", "rule file \"\(pattern)\" does not exist")
            }
            for path in paths {
                guard let bytes = files.read(path), let text = String(validating: bytes, as: UTF8.self) else {
                    let message = "the rule file cannot be read or is not UTF-8"
                    problems.add(YAMLProblem(file: path, line: 1, column: 1, message: message))
                    brokenRuleFiles.append(path)
                    continue
                }
                if let file = RuleFile.parse(text, path: path, options: options, problems: problems) {
                    rules.append(contentsOf: file.groups)
                } else {
                    brokenRuleFiles.append(path)
                }
            }
        }
    }

    mutating func readObjectives(_ reader: YAMLMappingReader, features: FeatureSet) {
        for objective in ServiceLevelObjective.decode(reader) {
            do throws(ParseError) {
                objectives.append(
                    try ObjectiveRules.group(
                        objective,
                        retention: storage.retention,
                        features: features,
                        runbookURL: "docs/runbooks/slo.md#\(objective.name)"
                    )
                )
            } catch {
                reader.problem("slos", "objective \"\(objective.name)\": \(error)")
            }
        }
    }
}
