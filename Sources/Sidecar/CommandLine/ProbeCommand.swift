// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HealthChecks
import JSONDocument
import SidecarServer
import YAMLDocument

/// `sidecar probe CHECK`: one attempt of a configured check, with what it did on the way.
struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Try one check of a configuration: exit 0 when it is up, 1 when it is down, 3 when it cannot be told."
    )

    @Argument(help: "The check's name.") var check: String
    @Option(help: "The configuration file.") var config: String
    @Option(help: "Seconds until it counts as failed; the check's own if absent.") var timeout: Double?
    @Flag(help: "Show each step, the answer, and the series that would be stored.") var debug = false
    @Flag(help: "Print everything as JSON.") var json = false

    func run() async throws {
        if let timeout, !(timeout > 0 && timeout <= 3_600) {
            throw ValidationError("--timeout must lie between 0 and 3600")
        }
        let reading = SidecarConfiguration.read(file: config, files: .system)
        for problem in reading.problems where problem.severity == .error {
            Output.write("\(problem)\n", to: .standardError)
        }
        guard let configuration = reading.configuration else { throw ExitStatus.bad }
        guard let definition = configuration.checks.first(where: { $0.name == check }) else {
            let names = configuration.checks.map(\.name).sorted().joined(separator: ", ")
            throw ValidationError("\(config) has no check \"\(check)\"; it has: \(names.isEmpty ? "none" : names)")
        }
        let deadline = timeout.map { Duration.microseconds(Int64($0 * 1e6)) } ?? definition.settings.timeout
        let trial: CheckTrial
        do throws(CheckTrial.Problem) {
            trial = try await CheckTrial(definition, deadline: deadline)
        } catch {
            Output.write("\(error)\n", to: .standardError)
            throw ExitStatus.failed
        }
        if json { writeJSON(trial) } else { writeText(trial, deadline: deadline) }
        switch trial.result.verdict {
        case .up, .degraded: return
        case .down: throw ExitStatus.bad
        case .undetermined: throw ExitStatus.failed
        }
    }

    private func writeText(_ trial: CheckTrial, deadline: Duration) {
        var text = ""
        if debug {
            text += "\(trial.name): \(trial.kind) \(trial.instance), deadline \(Self.milliseconds(deadline))\n"
            for step in trial.steps { text += "  \(Self.milliseconds(step.after))  \(step.text)\n" }
        }
        text += "\(trial.name): \(trial.result.verdict.rawValue)"
        if let reason = trial.result.reason { text += ", \(reason.rawValue)" }
        if !trial.result.text.isEmpty { text += ": \(trial.result.text)" }
        text += " (\(Self.milliseconds(trial.result.duration)))\n"
        if debug { text += "\n" + trial.page }
        Output.write(text)
    }

    private func writeJSON(_ trial: CheckTrial) {
        var writer = JSONWriter()
        writer.object {
            $0.member("check", trial.name)
            $0.member("kind", trial.kind)
            $0.member("instance", trial.instance)
            $0.member("verdict", trial.result.verdict.rawValue)
            if let reason = trial.result.reason { $0.member("reason", reason.rawValue) }
            $0.member("text", trial.result.text)
            $0.member("durationSeconds", trial.result.duration / .seconds(1))
            $0.key("steps")
            $0.array(trial.steps) { json, step in
                json.object {
                    $0.member("afterSeconds", step.after / .seconds(1))
                    $0.member("text", step.text)
                }
            }
            $0.member("page", trial.page)
        }
        Output.write(writer.bytes)
        Output.write("\n")
    }

    private static func milliseconds(_ duration: Duration) -> String {
        "\((duration / .microseconds(10)).rounded() / 100) ms"
    }
}
