// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
package import HealthChecks
import Notifications
import YAMLDocument

/// Looks at everything that a sidecar with this configuration will need, before the night it matters. Changes nothing,
/// and sends nobody a message.
package struct Doctor: Sendable {
    /// Attempts at a time: a hundred targets that hang take ten deadlines, not a hundred.
    static let parallelism = 10
    /// How long one address may take.
    static let patience = Duration.seconds(5)

    let options: Sidecar.Options
    let files: FileAccess
    let clock: HealthClock

    package init(options: Sidecar.Options, files: FileAccess = .system, clock: HealthClock = .system) {
        self.options = options
        self.files = files
        self.clock = clock
    }

    /// Examines one area after the other and reports as it goes.
    ///
    /// - Returns: whether nothing failed.
    package func examine(report: (Finding) -> Void) async -> Bool {
        var isWell = true
        func tell(_ findings: [Finding]) {
            for finding in findings {
                if finding.outcome == .failure { isWell = false }
                report(finding)
            }
        }
        let reading = options.read()
        tell(configurationFindings(reading))
        guard let configuration = reading.configuration else { return false }
        tell(permissionFindings(configuration))
        tell(storageFindings(configuration))
        let network: DoctorNetwork
        do {
            network = try DoctorNetwork(configuration: configuration, clock: clock)
        } catch {
            tell([.failure(.ports, "event loop", "\(error)")])
            return false
        }
        tell(await network.portFindings(isOurs: storageOwner(configuration) != nil))
        tell(machineFindings())
        tell(await network.targetFindings(files: files))
        tell(await network.checkFindings())
        tell(await network.receiverFindings())
        tell(await network.alertingFindings())
        tell(await network.remoteWriteFindings())
        network.stop()
        return isWell
    }

    private func configurationFindings(_ reading: SidecarConfiguration.Reading) -> [Finding] {
        let subject = options.configurationPath ?? "command line"
        var findings: [Finding] = reading.problems.map { problem in
            problem.severity == .warning
                ? .warning(.configuration, subject, problem.description)
                : .failure(.configuration, subject, problem.description)
        }
        if let configuration = reading.configuration, findings.isEmpty {
            let text =
                "\(configuration.scrapes.count) scrape configurations, \(configuration.checks.count) checks, "
                + "\(configuration.notifications.receivers.count) receivers"
            findings.append(.good(.configuration, subject, text))
        }
        return findings
    }
}
