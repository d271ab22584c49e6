// SPDX-License-Identifier: Apache-2.0

import Exposition

/// What `check metrics` says: 0 and nothing, 1 and where the text cannot be read, or 3 and what is odd about the names.
///
/// The page is read piece by piece, so that its size does not matter. Only its last line tells whether it is OpenMetrics,
/// so it is read as both until then.
struct MetricsCheck {
    private struct Reading {
        var linter: ExpositionLinter
        var error: ExpositionError?

        mutating func read(_ chunk: Span<UInt8>) {
            guard error == nil else { return }
            do throws(ExpositionError) { try linter.read(chunk) } catch { self.error = error }
        }

        mutating func finish() throws(ExpositionError) -> [ExpositionLinter.Finding] {
            if let error { throw error }
            return try linter.finish()
        }
    }

    private var text = Reading(linter: ExpositionLinter(.text))
    private var openMetrics = Reading(linter: ExpositionLinter(.openMetrics))
    private var end: [UInt8] = []
    private static let lastLine = Array("# EOF".utf8)

    /// Reads the next piece.
    mutating func read(_ chunk: Span<UInt8>) {
        text.read(chunk)
        openMetrics.read(chunk)
        let kept = Self.lastLine.count + 1
        for index in max(0, chunk.count - kept)..<chunk.count { end.append(chunk[index]) }
        end = Array(end.suffix(kept))
    }

    /// What there is to say, and the exit status.
    mutating func finish() -> (output: String, code: Int32) {
        if end.last == UInt8(ascii: "\n") { end.removeLast() }
        let isOpenMetrics = end.suffix(Self.lastLine.count) == Self.lastLine[...]
        do throws(ExpositionError) {
            let findings = try isOpenMetrics ? openMetrics.finish() : text.finish()
            let output = findings.map { "\($0)\n" }.joined()
            return (output, findings.isEmpty ? 0 : ExitStatus.failed.rawValue)
        } catch {
            return ("error while linting: \(error)\n", ExitStatus.bad.rawValue)
        }
    }
}
