// SPDX-License-Identifier: Apache-2.0

import AlertRules
import JSONDocument
import YAMLDocument

/// `check rules --live URL`: asks a running server which selectors of the files match no series.
enum LiveRuleCheck {
    /// Prints a line for each dead selector; true when there are none.
    static func run(files: [String], options: RuleFile.Options, server: String) async throws -> Bool {
        let remote = try RemoteServer(server)
        var isAlive = true
        for path in files {
            guard let text = try? RuleFiles.read(path),
                let file = RuleFile.parse(text, path: path, options: options, problems: YAMLProblems())
            else { continue }
            var verdicts: [String: Bool] = [:]
            _ = RuleCheckCommand.deadSelectors(in: file) { selector in
                verdicts[selector] = true
                return true
            }
            for selector in verdicts.keys.sorted() {
                do throws(RemoteServer.Failure) {
                    let answer = try await remote.json(
                        "GET",
                        "/api/v1/series",
                        query: [("match[]", selector), ("limit", "1")]
                    )
                    verdicts[selector] = answer["data"]?.array?.isEmpty == false
                } catch {
                    Output.write("\(error)\n", to: .standardError)
                    throw ExitStatus.failed
                }
            }
            for dead in RuleCheckCommand.deadSelectors(in: file, matches: { verdicts[$0] ?? true }) {
                isAlive = false
                Output.write("\(path):\(dead.line): \(dead.rule): nothing matches \(dead.selector)\n")
            }
        }
        return isAlive
    }
}
