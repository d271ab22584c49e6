// SPDX-License-Identifier: Apache-2.0

import Calendar
import DependencyChecks
import HealthChecks
import YAMLDocument

/// Reads entries of `heartbeats`: a job's name and when it has to report.
struct HeartbeatConfigurationReader {
    let secrets: SecretResolver
    let files: FileAccess

    func read(_ reader: YAMLMappingReader) -> CheckDefinition? {
        defer { reader.finish() }
        let name = reader.requiredString("name")
        if let name, !name.utf8.allSatisfy(Self.isPathByte) || name.utf8.count > 100 {
            reader.problem("name", "name: expected letters, digits, \"-\", \"_\" and \".\", because it stands in a URL")
        }
        let schedule = schedule(reader)
        let grace = reader.duration("grace") ?? .seconds(3_600)
        let settings = CheckSettings(
            interval: .seconds(1),
            timeout: .milliseconds(500),
            fall: 1,
            rise: 1,
            policy: reader.choice("policy") ?? .advisory,
            dependsOn: reader.strings("depends_on", orSingle: true) ?? []
        )
        var key: String?
        if let text = reader.string("key") {
            do throws(SecretResolver.Failure) {
                key = try secrets.resolve(text)
            } catch {
                reader.problem("key", error.description)
            }
        }
        guard let name, let schedule else { return nil }
        return CheckDefinition(
            name: name,
            settings: settings,
            kind: .heartbeat(HeartbeatDefinition(name: name, key: key, schedule: schedule, grace: grace)),
            fingerprint: ConfigurationFingerprint(secrets: secrets).text(reader.node)
        )
    }

    private func schedule(_ reader: YAMLMappingReader) -> HeartbeatSchedule? {
        let period = reader.duration("period", atLeast: .seconds(1))
        let cron = reader.string("cron")
        let zone = reader.string("zone")
        guard let cron else {
            if zone != nil { reader.problem("zone", "zone: goes with cron only") }
            if period == nil, !reader.contains("period") { reader.problem(nil, "one of period and cron is required") }
            return period.map { .period($0) }
        }
        if period != nil { reader.problem("cron", "a heartbeat has either a period or a cron expression") }
        do throws(CronSchedule.Problem) {
            return .cron(try CronSchedule(cron), rules(zone, reader) ?? .utc)
        } catch {
            reader.problem("cron", "cron: \(error.description)")
            return nil
        }
    }

    private func rules(_ name: String?, _ reader: YAMLMappingReader) -> TimeZoneRules? {
        guard let name, name != "UTC" else { return .utc }
        let isSafe = !name.hasPrefix("/") && !name.split(separator: "/").contains("..")
        guard isSafe, let bytes = files.read("/usr/share/zoneinfo/\(name)"),
            let rules = try? TimeZoneRules(tzif: bytes)
        else {
            reader.problem("zone", "zone: \"\(name)\" is not a time zone of this machine, such as Europe/Berlin")
            return nil
        }
        return rules
    }

    private static func isPathByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
