// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The checks measure what Debian's exporters measure: in one run, against the same servers, every metric that both have.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ExporterTests {
    @Test func `node_exporter`() async throws {
        // Debian's leaves out the loopback device and what is mounted below /mnt, /media and /run
        let peer = try await ExporterPeer("prometheus-node-exporter") {
            [
                "--web.listen-address=127.0.0.1:\($0)", "--collector.netdev.device-exclude=^$",
                "--collector.filesystem.mount-points-exclude=^/(dev|proc|sys|run)($|/)",
            ]
        }
        let sidecar = try await ExporterPeer.sidecar(
            "host: { per_cpu: true, disk_critical: 1, disk_warning: 1, memory_critical: 1 }"
        )
        // the exporter looks from where the machine's first process stands, the check from where it stands itself
        let (here, there) = (try Self.mounts(of: "self"), try Self.mounts(of: "1"))
        try await ExporterComparison(
            url: peer.url + "/metrics",
            sidecar: sidecar,
            leftOut: ["mountpoint": here.symmetricDifference(there)]
        ).run(names: 100, series: 140)
        await peer.process.stop()
    }

    private static func mounts(of process: String) throws -> Set<String> {
        let text = try String(contentsOfFile: "/proc/\(process)/mounts", encoding: .utf8)
        return Set(
            text.split(separator: "\n").compactMap { $0.split(separator: " ").dropFirst().first.map(String.init) }
        )
    }
}
