// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import JSONDocument
import SidecarServer

/// `sidecar doctor`: looks at everything that a sidecar with this configuration will need.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract:
            "Examine configuration, permissions, ports, targets, checks, receivers, journal and clock: exit 1 when any fails.",
        discussion: """
            Nothing is changed and nobody is sent a message. Receivers are asked with OPTIONS, or connected to; Alertmanagers are \
            asked for their status; a remote_write receiver gets a write without a series.
            """
    )

    @Option(help: "The configuration file.") var config: String?
    @Option(help: "A service to scrape, as for run; may be repeated.") var target: [String] = []
    @Option(help: "Where to listen, before the file's web.listen.") var listen: String?
    @Option(help: "Where state is kept, before the file's storage.path and $STATE_DIRECTORY.") var dataDir: String?
    @Flag(help: "Print findings as JSON.") var json = false

    func run() async throws {
        var options = Sidecar.Options(version: Version.current)
        options.configurationPath = config
        options.targets = target
        options.dataDirectory = dataDir
        if let listen {
            guard let address = ListenAddress(listen) else {
                throw ValidationError("--listen: expected HOST:PORT, :PORT or unix:PATH, got \"\(listen)\"")
            }
            options.listen = address
        }
        var findings: [Finding] = []
        let isWell = await Doctor(options: options).examine { finding in
            findings.append(finding)
            if !json { Output.write(Self.line(finding)) }
        }
        if json {
            var writer = JSONWriter()
            writer.array(findings) { json, finding in
                json.object {
                    $0.member("area", finding.area.rawValue)
                    $0.member("subject", finding.subject)
                    $0.member("outcome", finding.outcome.rawValue)
                    $0.member("text", finding.text)
                }
            }
            Output.write(writer.bytes)
            Output.write("\n")
        } else {
            let warnings = findings.count { $0.outcome == .warning }
            let failures = findings.count { $0.outcome == .failure }
            Output.write("\(findings.count) findings, \(warnings) warnings, \(failures) failures\n")
        }
        if !isWell { throw ExitStatus.bad }
    }

    private static func line(_ finding: Finding) -> String {
        let mark =
            switch finding.outcome {
            case .good: "[ok]  "
            case .warning: "[warn]"
            case .failure: "[FAIL]"
            }
        return "\(mark) \(finding.area.rawValue): \(finding.subject): \(finding.text)\n"
    }
}
