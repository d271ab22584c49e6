// SPDX-License-Identifier: Apache-2.0

import Exposition

/// What `check metrics` says: 0 and nothing, 1 and where the text cannot be read, or 3 and what is odd about the names.
enum MetricsCheck {
    static func run(_ bytes: [UInt8]) -> (output: String, code: Int32) {
        // Only OpenMetrics ends with this line.
        let isOpenMetrics = bytes.suffix(6).elementsEqual("# EOF\n".utf8) || bytes.suffix(5).elementsEqual("# EOF".utf8)
        do throws(ExpositionError) {
            let findings = try ExpositionLinter.lint(bytes.span, encoding: isOpenMetrics ? .openMetrics : .text)
            let output = findings.map { "\($0)\n" }.joined()
            return (output, findings.isEmpty ? 0 : ExitStatus.failed.rawValue)
        } catch {
            return ("error while linting: \(error)\n", ExitStatus.bad.rawValue)
        }
    }
}
