// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import JSONDocument
import TimeSeries

/// `sidecar drill ALERT`: follows a test alert along the whole way and says how long each part took.
struct DrillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drill",
        abstract: "Raise an alert as a rule would, marked drill=\"true\", follow it to the receivers, and end it."
    )
    @OptionGroup var server: ServerOption
    @OptionGroup var alert: AlertArguments
    @Option(help: "Seconds to wait for each half, group_wait and group_interval included.") var timeout = 60

    func run() async throws {
        let pairs = try LabelArguments.parse(alert.labels)
        do {
            let remote = try RemoteServer(server.url)
            for ends in [false, true] {
                guard try await half(remote, pairs, ends: ends) else { throw ExitStatus.bad }
            }
        } catch let failure as RemoteServer.Failure {
            Output.write("\(failure)\n", to: .standardError)
            throw ExitStatus.bad
        }
    }

    /// Raises or ends the alert and waits for the receivers; false when somebody was not reached.
    private func half(_ remote: RemoteServer, _ labels: [(String, String)], ends: Bool) async throws -> Bool {
        let form = RemoteServer.encode([("alertname", alert.name)] + labels + (ends ? [("end", "1")] : []))
        let body = (type: "application/x-www-form-urlencoded", bytes: Array(form.utf8))
        let begun = try await remote.json("POST", "/api/sidecar/drill", body: body)
        let since = begun["startedAt"]?.string ?? ""
        let fingerprint = begun["fingerprint"]?.string ?? ""
        Output.write("\(ends ? "resolved" : "firing") \(alert.name) \(fingerprint)\n")
        var seen: Set<String> = []
        var open: Set<String> = []
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(timeout)
        while clock.now < deadline {
            let query = [("since", since), ("alertname", alert.name), ("limit", "1000")]
            let records = try await remote.json("GET", "/api/sidecar/history", query: query).array ?? []
            for record in records.reversed() {
                let kind = record["kind"]?.string ?? "", id = record["notificationId"]?.string ?? ""
                guard seen.insert("\(kind) \(id) \(record["at"]?.string ?? "")").inserted else { continue }
                if kind == "held", record["fingerprint"]?.string == fingerprint, !ends {
                    Output.write("  held back: \(record["reason"]?.string ?? "") \(record["detail"]?.string ?? "")\n")
                    return false
                }
                guard !id.isEmpty else { continue }
                show(record, kind, since: since)
                if kind == "queued" { open.insert(id) }
                if ["sent", "merged", "dead_letter"].contains(kind) { open.remove(id) }
            }
            if !seen.isEmpty, open.isEmpty { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        if seen.isEmpty {
            // Receivers that want no resolves hear none.
            if ends { return true }
            Output.write("  nobody was told within \(timeout) s\n")
        } else {
            Output.write("  not delivered within \(timeout) s: \(open.sorted().joined(separator: ", "))\n")
        }
        return false
    }

    private func show(_ record: JSONValue, _ kind: String, since: String) {
        let integration = record["integration"]?.string ?? ""
        let took = PrometheusText.milliseconds(from: since, to: record["at"]?.string ?? "").map { "\($0) ms" } ?? ""
        let reason = kind == "failed" || kind == "dead_letter" ? " " + (record["detail"]?.string ?? "") : ""
        Output.write("  \(took)\t\(kind)\t\(integration)\(reason)\n")
    }
}
