// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Scraping

/// One look at a source of targets, without a running sidecar.
enum DiscoveryTrial {
    static func look(
        _ discovery: DiscoveryConfiguration,
        files: FileAccess,
        patience: Duration
    ) async -> DiscoveryResult {
        switch discovery {
        case .files(let configuration):
            FileDiscovery(configuration, disk: FileDiscovery.Disk(files)).look(isFull: true)
                ?? DiscoveryResult(groups: [])
        case .names(let configuration):
            await withCheckedContinuation { continuation in
                // Waits for name servers.
                let isStarted = startDetachedThread(name: "dns") {
                    var names = NameDiscovery(
                        configuration,
                        resolvConf: { files.resolvConf },
                        patience: patience
                    )
                    continuation.resume(returning: names.look())
                }
                guard !isStarted else { return }
                let failure = DiscoveryResult.Failure(subject: "dns", reason: "no_thread", text: "")
                continuation.resume(returning: DiscoveryResult(groups: [], failures: [failure]))
            }
        }
    }

    /// A source that finds nothing is worth knowing of, and no fault.
    static func findings(_ result: DiscoveryResult, _ discovery: DiscoveryConfiguration, job: String) -> [Finding] {
        let subject = "\(job) \(discovery.mechanism)_sd"
        let failures = result.failures.map { failure in
            let text = failure.text.isEmpty ? failure.reason : "\(failure.reason): \(failure.text)"
            return Finding.failure(.targets, "\(subject) \(failure.subject)", text)
        }
        guard failures.isEmpty else { return failures }
        let count = result.groups.reduce(0) { $0 + $1.targets.count }
        return [count > 0 ? .good(.targets, subject, "\(count) found") : .warning(.targets, subject, "none found")]
    }
}
