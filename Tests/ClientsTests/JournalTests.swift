// SPDX-License-Identifier: Apache-2.0

import Foundation
import Journal
import Logging
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct JournalTests {
    @Test
    func `an entry is read back from journald with its fields`() async throws {
        try await JournalDaemon.ensureRunning()
        let writer = JournalWriter()
        let marker = UUID().uuidString
        writer.send(
            JournalEntry(
                "PostgreSQL is down\nsecond line",
                priority: .critical,
                messageID: "0123456789abcdef0123456789abcdef",
                fields: ["alert_name": "DatabaseDown", "http.route": "/book", "MARKER": marker, "2nd": "x=y"]
            )
        )
        #expect(writer.close(deadline: .seconds(5)))
        #expect(writer.statistics.sent == 1)
        var found: [[String: String]] = []
        #expect(
            try await waitUntil(every: .milliseconds(50)) {
                found = try await JournalDaemon.entries(["MARKER=\(marker)"])
                return found.count == 1
            }
        )
        let entry = try #require(found.first)
        #expect(entry["MESSAGE"] == "PostgreSQL is down\nsecond line")
        #expect(entry["PRIORITY"] == "2")
        #expect(entry["MESSAGE_ID"] == "0123456789abcdef0123456789abcdef")
        #expect(entry["ALERT_NAME"] == "DatabaseDown")
        #expect(entry["HTTP_ROUTE"] == "/book")
        #expect(entry["F_2ND"] == "x=y")
    }

    @Test
    func `a log event becomes an entry whose reserved fields cannot be forged`() async throws {
        try await JournalDaemon.ensureRunning()
        let writer = JournalWriter()
        let marker = UUID().uuidString
        var handler = JournalLogHandler(label: "rules", identifier: "sidecar-test", writer: writer)
        handler[metadataKey: "marker"] = "\(marker)"
        let logger = Logger(label: "rules") { _ in handler }
        logger.error("evaluation failed", metadata: ["rule": "X", "message": "forged", "priority": "0"])
        logger.debug("not shown", metadata: ["rule": "Y"])
        #expect(writer.close(deadline: .seconds(5)))
        var found: [[String: String]] = []
        #expect(
            try await waitUntil(every: .milliseconds(50)) {
                found = try await JournalDaemon.entries(["MARKER=\(marker)"])
                return !found.isEmpty
            }
        )
        #expect(found.count == 1)
        let entry = try #require(found.first)
        #expect(entry["MESSAGE"] == "evaluation failed")
        #expect(entry["PRIORITY"] == "3")
        #expect(entry["RULE"] == "X")
        #expect(entry["SYSLOG_IDENTIFIER"] == "sidecar-test")
        #expect(entry["CODE_FUNC"] != nil)
    }

    @Test
    func `without a journal nothing counts as sent`() {
        var configuration = JournalWriter.Configuration()
        configuration.socketPath = "/nonexistent/socket"
        let writer = JournalWriter(configuration: configuration)
        #expect(!writer.isReachable)
        for _ in 0..<10 { #expect(writer.send(JournalEntry("lost"))) }
        #expect(writer.close(deadline: .seconds(5)))
        #expect(writer.statistics.unreachable == 10)
        #expect(writer.statistics.sent == 0)
        #expect(!writer.send(JournalEntry("after the end")))
    }

    @Test
    func `a full queue drops at once and counts`() {
        var configuration = JournalWriter.Configuration()
        configuration.maximumEntries = 0
        let writer = JournalWriter(configuration: configuration)
        #expect(!writer.send(JournalEntry("no room")))
        #expect(writer.statistics.overflowed == 1)
        #expect(writer.statistics.dropped == 1)
    }

    @Test
    func `a long entry is cut at a character, and its fields stay`() {
        var entry = JournalEntry(String(repeating: "ä", count: 40_000), fields: ["ALERT_NAME": "X"])
        let (fields, size, isCut) = entry.serialized(limit: 1_001)
        #expect(isCut)
        #expect(size <= 1_001)
        for field in fields { #expect(String(validating: field, as: UTF8.self) != nil) }
        #expect(fields.last == Array("ALERT_NAME=X".utf8))
        entry.message = "short"
        #expect(entry.serialized(limit: 1_001).isCut == false)
        entry.messageID = "NOT-AN-ID"
        #expect(!entry.serialized(limit: 1_001).fields.contains { $0.starts(with: "MESSAGE_ID".utf8) })
    }

    @Test(arguments: [
        ("http.route", "HTTP_ROUTE"), ("_private", "PRIVATE"), ("9lives", "F_9LIVES"), ("", "FIELD"), ("ä", "FIELD"),
        ("ALERT_NAME", "ALERT_NAME"), (String(repeating: "x", count: 200), String(repeating: "X", count: 64)),
    ])
    func `names of fields are those that journald keeps`(name: String, expected: String) {
        #expect(JournalFieldName(name).text == expected)
    }

    @Test
    func `a line is one line and valid JSON whatever is logged`() async throws {
        let directory = try TemporaryDirectory()
        let file = FileManager.default.createFile(atPath: directory.path("log"), contents: nil)
        #expect(file)
        let handle = try #require(FileHandle(forWritingAtPath: directory.path("log")))
        let writer = LineWriter(descriptor: handle.fileDescriptor)
        let json = Logger(label: "a") { LineLogHandler(label: $0, format: .json, writer: writer) }
        json.warning("two\nlines \"quoted\" \u{1}", metadata: ["key": "v\\al", "level": "forged"])
        let logfmt = Logger(label: "b c") { LineLogHandler(label: $0, format: .logfmt, writer: writer) }
        logfmt.info("plain", metadata: ["k ey": "a=b", "n": "1"])
        #expect(writer.close(deadline: .seconds(5)))
        #expect(writer.dropped == 0)
        let lines = try directory.read("log").split(separator: "\n")
        #expect(lines.count == 2)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: String])
        #expect(object["message"] == "two\nlines \"quoted\" \u{1}")
        #expect(object["level"] == "warning")
        #expect(object["metadata.level"] == "forged")
        #expect(object["key"] == "v\\al")
        #expect(object["time"]?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
        #expect(lines[1].hasSuffix(#"level=info logger="b c" msg=plain k_ey="a=b" n=1"#))
    }
}
