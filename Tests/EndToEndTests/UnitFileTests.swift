// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The unit that the package brings, as systemd itself judges it.
@Suite(.timeLimit(.minutes(1)))
struct UnitFileTests {
    private static let unit = Programs.root + "/deploy/sidecar.service"

    @Test func `systemd finds no mistake in it`() async throws {
        let directory = try TemporaryDirectory("unit")
        let text = try String(contentsOfFile: Self.unit, encoding: .utf8)
        #expect(text.contains("ExecStart=/usr/bin/sidecar run "))
        // the program stands elsewhere while it is tested
        let installed = text.replacingOccurrences(of: "/usr/bin/sidecar", with: Programs.sidecar)
        let path = try directory.write(installed, to: "sidecar.service")
        let verified = try await ChildProcess.run("systemd-analyze", ["verify", "--man=no", path])
        #expect(verified.exit == .code(0) && verified.error.isEmpty, "\(verified)")
        let broken = try directory.write(installed + "WatchdogSec=soon\n", to: "broken.service")
        let refused = try await ChildProcess.run("systemd-analyze", ["verify", "--man=no", broken])
        #expect(refused.error.contains("WatchdogSec"), "mistakes are seen: \(refused)")
    }

    @Test func `systemd finds it locked up`() async throws {
        // 2.0 of 10; Debian's Prometheus has 4.0, its exporters 9.2
        let words = ["security", "--offline=true", "--no-pager", "--threshold=20", Self.unit]
        let judged = try await ChildProcess.run("systemd-analyze", words)
        #expect(judged.exit == .code(0), "\(judged.output.suffix(200))")
    }
}
