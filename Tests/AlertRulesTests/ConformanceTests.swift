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

    @Test func unitTestsGetTheRightVerdict() throws {
        let folder = try #require(Conformance.folder).appendingPathComponent("rules")
        for item in try Conformance.ruleCases() where item.command == "test" {
            let result = RuleTestCommand.run(files: [folder.appendingPathComponent(item.file).path])
            #expect(result.exitCode == item.exit, "\(item): \(result.output)")
        }
    }

    @Test func failuresAreReportedInPromtoolsForm() throws {
        let folder = try #require(Conformance.folder).appendingPathComponent("rules/promtool")
        let path = folder.appendingPathComponent("failing.yml").path
        #expect(
            RuleTestCommand.run(files: [path]).output == """
                Unit Testing:  \(path)
                  FAILED:
                    name: Failing test,
                    alertname: Test, time: 0s,\u{20}
                        exp:[
                            0:
                              Labels:{alertname="Test"}
                              Annotations:{}
                            ],\u{20}
                        got:[]

                    expr: "test", time: 0s,
                        exp: {__name__="test"} 1E+00
                        got: {__name__="test"} 0E+00

                    name: Failing alert test,
                    alertname: InstanceDown, time: 5m,\u{20}
                        exp:[],\u{20}
                        got:[
                            0:
                              Labels:{alertname="InstanceDown", job="test", severity="page"}
                              Annotations:{description=" of job test has been down for more than 5 minutes.", summary="Instance  down"}
                            ]

                    name: Failing alert test,
                    alertname: AlwaysFiring, time: 5m,\u{20}
                        exp:[],\u{20}
                        got:[
                            0:
                              Labels:{alertname="AlwaysFiring"}
                              Annotations:{}
                            ]


                """ + "\n"
        )
    }

    /// Every file of expressions; those with `expect_fail` have to be refused.
    @Test func expressionsGiveWhatPrometheusGives() throws {
        let folder = try #require(Conformance.folder).appendingPathComponent("promql")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yml") }
        #expect(files.count > 20)
        var options = RuleTestCommand.Options()
        options.relativeTolerance = 1e-6
        for file in files.sorted() {
            let result = RuleTestCommand.run(files: [folder.appendingPathComponent(file).path], options: options)
            #expect(result.exitCode == 0, "\(file): \(result.output)")
        }
        let refused = folder.appendingPathComponent("expect_fail")
        for file in try FileManager.default.contentsOfDirectory(atPath: refused.path) {
            let result = RuleTestCommand.run(files: [refused.appendingPathComponent(file).path])
            #expect(result.exitCode == 1 && result.output.contains("err: "), "\(file): \(result.output)")
        }
    }
}
