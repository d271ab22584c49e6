// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc

/// The `sidecar` program: one process that scrapes, checks, stores, evaluates, notifies and answers probes, and the tools
/// that go with it.
@main
struct SidecarCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sidecar",
        abstract: "Observability and health monitoring beside one service.",
        version: Version.current,
        subcommands: [
            RunCommand.self, CheckCommand.self, TestCommand.self, QueryCommand.self, PromQLCommand.self,
            AlertsCommand.self, ExplainCommand.self, DrillCommand.self,
            SilenceCommand.self, HistoryCommand.self, OutboxCommand.self, RoutesCommand.self, NotifyCommand.self,
            HealthcheckCommand.self, ProbeCommand.self, DoctorCommand.self, RulesCommand.self,
        ]
    )

    /// Usage errors end with 2, as promtool's and amtool's do; ArgumentParser's own code is 64.
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let code as ExitStatus {
            Glibc.exit(code.rawValue)
        } catch {
            let message = fullMessage(for: error)
            let isFailure = exitCode(for: error) != .success
            if !message.isEmpty { Output.write(message + "\n", to: isFailure ? .standardError : .standardOutput) }
            Glibc.exit(isFailure ? ExitStatus.usage.rawValue : 0)
        }
    }
}

/// How the program ends (DESIGN §2).
enum ExitStatus: Int32, Error {
    /// What was checked, or the configuration at start, is bad.
    case bad = 1
    /// Wrong usage.
    case usage = 2
    /// Could not be done; for `check metrics`: lint findings only.
    case failed = 3
}

/// The version that the program reports everywhere.
enum Version {
    static let current = "0.1.0"
}
