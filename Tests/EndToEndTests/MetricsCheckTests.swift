// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `sidecar check metrics` on files and pipes, small and large.
@Suite(.timeLimit(.minutes(1)))
struct MetricsCheckTests {
    @Test(arguments: [
        ("# HELP a_total A.\n# TYPE a_total counter\na_total 1\n", Int32(0), ""),
        ("# HELP a A.\n# TYPE a counter\na_total 1\n# EOF\n", 0, ""),
        ("# HELP a A.\n# TYPE a counter\na_total 1\n# EOF", 0, ""),
        ("# TYPE a counter\na 1\n", 3, "a "),
        ("a 1\na{b=\"c} 2\n", 1, "error while linting: "),
        ("", 0, ""),
    ]) func `the exit status tells form from names`(page: String, code: Int32, start: String) async throws {
        let directory = try TemporaryDirectory("metrics")
        let path = try directory.write(page, to: "page")
        let commands = [
            "'\(Programs.sidecar)' check metrics '\(path)'", "cat '\(path)' | '\(Programs.sidecar)' check metrics",
        ]
        for command in commands {
            let result = try await ChildProcess.run("bash", ["-c", command])
            #expect(result.exit == .code(code), "\(result)")
            #expect(result.error.hasPrefix(start) && result.error.isEmpty == start.isEmpty, "\(result)")
        }
    }

    @Test func `a page larger than the memory that is allowed is checked through a pipe`() async throws {
        let page = """
            awk 'BEGIN { pad = sprintf("%400s", "")
                for (n = 0; n < 200000; n++) print "m_total{n=\\"" n "\\",pad=\\"" pad "\\"} 1" }'
            """
        // 88 MB of lines for a process that may have 60 MB.
        let script = "\(page) | (ulimit -d 60000; exec '\(Programs.sidecar)' check metrics) 2>&1"
        let result = try await ChildProcess.run("bash", ["-c", "set -o pipefail; " + script])
        #expect(result.output == "m_total no help text\n", "\(result)")
        #expect(result.exit == .code(3))
    }
}
