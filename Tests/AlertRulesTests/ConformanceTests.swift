// SPDX-License-Identifier: Apache-2.0

import AlertRules
import Foundation
import Testing

/// The shared conformance data, where it is present: `../shared/conformance` next to the repository.
enum Conformance {
    static let folder: URL? = {
        var folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        while folder.path != "/" {
            let candidate = folder.deletingLastPathComponent().appendingPathComponent("shared/conformance")
            if FileManager.default.fileExists(atPath: candidate.path) { return candidate }
            folder = folder.deletingLastPathComponent()
        }
        return ProcessInfo.processInfo.environment["SIDECAR_CONFORMANCE"].map { URL(fileURLWithPath: $0) }
    }()

    struct Case: Decodable, CustomStringConvertible {
        var suite: String
        var command: String
        var file: String
        var exit: Int32
        var line: Int?
        var description: String { "\(command) \(file)" }
    }

    static func ruleCases() throws -> [Case] {
        guard let folder else { return [] }
        return try JSONDecoder().decode(
            [Case].self,
            from: Data(contentsOf: folder.appendingPathComponent("rules/manifest.json"))
        )
    }
}

@Suite(.enabled(if: Conformance.folder != nil, "shared conformance data is not here"))
struct ConformanceTests {
    /// Verdicts on real, broken and borderline rule files; the message names the file and a line at the fault.
    @Test func ruleFilesGetTheRightVerdict() throws {
        let folder = try #require(Conformance.folder).appendingPathComponent("rules")
        let cases = try Conformance.ruleCases()
        #expect(cases.count > 100)
        for item in cases where item.command == "check" {
            let path = folder.appendingPathComponent(item.file).path
            let result = RuleCheckCommand.run(files: [path])
            #expect(result.exitCode == item.exit, "\(item): \(result.output)")
            guard let line = item.line else { continue }
            let named = result.output.split(separator: "\n").compactMap { text -> Int? in
                guard text.hasPrefix(path + ":") else { return nil }
                return Int(text.dropFirst(path.utf8.count + 1).prefix { $0.isNumber })
            }
            #expect(named.contains { abs($0 - line) <= 1 }, "\(item): line \(line), but \(result.output)")
        }
    }
}
