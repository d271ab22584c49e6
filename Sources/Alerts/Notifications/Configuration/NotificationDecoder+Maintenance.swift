// SPDX-License-Identifier: Apache-2.0

import Calendar
import TimeSeries
import YAMLDocument

extension NotificationDecoder {
    /// `maintenance`: windows that recur by a cron expression, or that happen once.
    func maintenanceWindows() -> [MaintenanceWindow] {
        var windows: [MaintenanceWindow] = []
        for reader in document.mappings("maintenance") ?? [] {
            let name = reader.requiredString("name") ?? ""
            if windows.contains(where: { $0.name == name }), !name.isEmpty {
                reader.problem("name", "maintenance window \"\(name)\" is defined twice")
            }
            let matchers = windowMatchers(reader)
            let comment = reader.string("comment") ?? ""
            let schedule = schedule(reader)
            reader.finish()
            guard let schedule, !matchers.isEmpty else { continue }
            windows.append(MaintenanceWindow(name: name, matchers: matchers, comment: comment, schedule: schedule))
        }
        return windows
    }

    private func windowMatchers(_ reader: YAMLMappingReader) -> [AlertMatcher] {
        guard reader.contains("matchers") else {
            reader.missing("matchers")
            return []
        }
        let before = reader.problems.all.count
        let matchers = matchers(reader, list: "matchers", equal: "match", expression: "match_re")
        if matchers.allSatisfy({ $0.matches("") }), reader.problems.all.count == before {
            reader.problem(
                "matchers",
                "\(reader.name("matchers")): at least one must not match the empty string, or everything is muted"
            )
        }
        return matchers
    }

    private func schedule(_ reader: YAMLMappingReader) -> MaintenanceWindow.Schedule? {
        let start = moment(reader, "starts_at"), end = moment(reader, "ends_at")
        let length = reader.duration("duration", atLeast: .seconds(60), atMost: MaintenanceWindow.longest)
        let zone = zone(reader)
        if let cron = reader.string("cron") {
            for key in ["starts_at", "ends_at"] where reader.contains(key) {
                let words = "a window has either a cron expression or a beginning and an end"
                reader.problem(key, "\(reader.name(key)): \(words)")
            }
            if length == nil, !reader.contains("duration") { reader.missing("duration") }
            do throws(CronSchedule.Problem) {
                let schedule = try CronSchedule(cron)
                return length.map { .recurring(schedule, zone, length: $0) }
            } catch {
                reader.problem("cron", "\(reader.name("cron")): \(error.description)")
                return nil
            }
        }
        for key in ["duration", "zone"] where reader.contains(key) {
            reader.problem(key, "\(reader.name(key)) goes with cron only")
        }
        guard reader.contains("starts_at") || reader.contains("ends_at") else {
            reader.problem(nil, "one of cron (with duration) and starts_at (with ends_at) is required")
            return nil
        }
        guard let start, let end else {
            for key in ["starts_at", "ends_at"] where !reader.contains(key) { reader.missing(key) }
            return nil
        }
        guard start < end else {
            reader.problem("ends_at", "\(reader.name("ends_at")) must be after starts_at")
            return nil
        }
        return .once(start..<end)
    }

    private func moment(_ reader: YAMLMappingReader, _ key: String) -> Timestamp? {
        guard let text = reader.string(key) else { return nil }
        let moment = TimeText.parse(text)
        if moment == nil {
            reader.problem(key, "\(reader.name(key)): expected a time such as 2026-09-01T22:00:00Z, got \"\(text)\"")
        }
        return moment
    }

    private func zone(_ reader: YAMLMappingReader) -> TimeZoneRules {
        guard let name = reader.string("zone"), name != "UTC" else { return .utc }
        if let zone = environment.zone(name) { return zone }
        let words = "\"\(name)\" is not a time zone of this machine, such as Europe/Berlin"
        reader.problem("zone", "\(reader.name("zone")): \(words)")
        return .utc
    }
}
