// SPDX-License-Identifier: Apache-2.0

package import PromQL
package import YAMLDocument

/// A rule file, read as Prometheus reads it, plus the `x_sidecar:` key.
package struct RuleFile: Sendable {
    package struct Options: Sendable {
        package var features: FeatureSet = []
        /// Unknown keys are let pass, as with promtool's flag of that name.
        package var ignoresUnknownFields = false

        package init() {}
    }

    package let path: String
    package let groups: [RuleGroupDefinition]

    package var ruleCount: Int { groups.reduce(0) { $0 + $1.rules.count } }

    /// Reads and checks a file's text. nil when anything is wrong; `problems` then says what, all of it.
    package static func parse(
        _ text: String,
        path: String,
        options: Options = Options(),
        problems: YAMLProblems
    ) -> RuleFile? {
        let own = YAMLProblems()
        defer { for problem in own.all { problems.add(problem) } }
        guard let document = YAMLDocument.parse(text, file: path, problems: own) else { return nil }
        if let line = document.nextDocumentLine {
            let message = "a second document begins here; only the first is read, as Prometheus does"
            own.add(YAMLProblem(file: path, line: line, column: 1, message: message, severity: .warning))
        }
        var reader = RuleFileReader(file: path, options: options, problems: own)
        let groups = document.root.map { reader.groups($0) } ?? []
        return own.hasErrors ? nil : RuleFile(path: path, groups: groups)
    }
}
