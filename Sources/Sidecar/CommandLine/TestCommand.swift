// SPDX-License-Identifier: Apache-2.0

import AlertRules
import ArgumentParser

/// `sidecar test rules FILE…`: rule unit tests in promtool's format.
struct TestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Run unit tests.",
        subcommands: [Rules.self]
    )

    struct Rules: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rules",
            abstract: "Run rule unit tests, as promtool does."
        )
        @Argument(help: "Test files.") var files: [String] = []
        @Flag(help: "Let unknown keys pass.") var ignoreUnknownFields = false

        func run() throws {
            guard !files.isEmpty else { throw ValidationError("name at least one test file") }
            var options = RuleTestCommand.Options()
            options.ignoresUnknownFields = ignoreUnknownFields
            let (output, code) = RuleTestCommand.run(files: files, options: options)
            Output.write(output)
            if code != 0 { throw ExitStatus(rawValue: code) ?? .bad }
        }
    }
}

/// `sidecar rules export FILE…`: rule files without our extensions, for a Prometheus that does not know them.
struct RulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "Work with rule files.",
        subcommands: [Export.self]
    )

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export",
            abstract: "Print rule files without the x_sidecar extensions."
        )
        @Argument(help: "Rule files.") var files: [String]

        func run() throws {
            for path in files {
                let content: [UInt8]
                do throws(FileError) {
                    content = try Input.read(path)
                } catch {
                    Output.write("\(error)\n", to: .standardError)
                    throw ExitStatus.bad
                }
                guard let text = RuleExport.strip(String(decoding: content, as: UTF8.self)) else {
                    Output.write("\(path): no YAML that x_sidecar can be cut out of\n", to: .standardError)
                    throw ExitStatus.bad
                }
                Output.write(text)
            }
        }
    }
}
