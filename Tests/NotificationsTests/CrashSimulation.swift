// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSONDocument
import Notifications
import SQLiteClient
import TestSupport
import Testing
import TimeSeries

/// A seeded world around the engine: alerts that come and go, receivers that fail, silences, a disk that stops, and the
/// books that everything is compared with at the end.
final class CrashSimulation {
    struct Episode { var start: Double, end: Double? }

    var random: SeededGenerator
    private(set) var restarts = 0
    private let disk: VirtualDisk
    private var engine: NotificationEngine?
    private var now = 0.0
    /// Alert name to what truly happened.
    private var truth: [String: [Episode]] = [:]
    private let names = ["A", "B", "C", "D", "E", "F"]
    private var receiverIsDown: [String: Double] = [:]
    /// Message ids with the bytes they came with, per integration, in order of arrival.
    private(set) var bodies: [String: [UInt8]] = [:]
    private(set) var messages: [(integration: String, id: String, json: JSONValue)] = []
    private var silenced: [String: Double] = [:]
    private(set) var complaints: [String] = []
    private let withDiskErrors: Bool

    init(seed: UInt64, withDiskErrors: Bool = false) throws {
        random = SeededGenerator(seed: seed)
        disk = VirtualDisk(seed: seed, losesPower: false)
        self.withDiskErrors = withDiskErrors
    }

    private static func configuration() throws -> NotificationConfiguration {
        let receivers = [webhook("first", url: "http://127.0.0.1:1/1"), webhook("second", url: "http://127.0.0.1:1/2")]
        var result = NotificationsTests.configuration(
            groupBy: .labels(["team"]),
            wait: 2,
            interval: 10,
            repeatInterval: 100_000,
            receivers: receivers,
            routes: [
                RouteConfiguration(receiver: "second", matchers: [try matcher("team=x")], continues: true),
                RouteConfiguration(receiver: "first"),
            ]
        )
        result.inhibitionRules = [
            InhibitionRule(
                sourceMatchers: [try matcher("alertname=A")],
                targetMatchers: [try matcher("alertname=B")],
                equal: ["team"]
            )
        ]
        return result
    }

    // MARK: The world

    private func currentAlert(_ name: String, _ episode: Episode) -> Alert {
        let team = names.firstIndex(of: name) ?? 0 < 3 ? "x" : "y"
        return alert([("alertname", name), ("team", team)], from: episode.start, until: episode.end)
    }

    /// What the rules would say now: everything that fires, and what ended in the last quarter of an hour.
    private var report: [Alert] {
        names.compactMap { name in
            guard let episode = truth[name]?.last else { return nil }
            if let end = episode.end, end < now - 900 { return nil }
            return currentAlert(name, episode)
        }
    }

    private func boot() throws {
        disk.kill()
        engine = nil
        disk.crash(power: false)
        var configuration = SQLiteDatabase.Configuration()
        configuration.fileSystem = disk.fileSystem.name
        let (database, condition) = try SQLiteDatabase.openOrQuarantine(
            path: "notifications.db",
            configuration: configuration,
            unixSeconds: 1
        )
        if condition != .intact { complaints.append("the file was damaged: \(condition)") }
        engine = try NotificationEngine(
            configuration: try Self.configuration(),
            database: database,
            random: { [self] in random.next() },
            at: seconds(now)
        )
        restarts += 1
    }

    func run(steps: Int) throws {
        try boot()
        for _ in 0..<steps {
            arm()
            try step()
            if disk.isDead { try revive() }
        }
        // Peace: everything works, everything ends or stays, and there is time.
        disk.fault = .none
        receiverIsDown = [:]
        for name in names where Bool.random(using: &random) { end(name) }
        now += 1
        say(report)
        for _ in 0..<400 where (engine?.nextWakeUp ?? seconds(0)) <= seconds(now + 10_000) {
            now = max(now, Double((engine?.nextWakeUp ?? seconds(now)).milliseconds - seconds(0).milliseconds) / 1000)
            act(engine?.tick(at: seconds(now)) ?? [])
        }
    }

    /// Sometimes the next few writes are the last ones of this process, or the disk takes none for a while.
    private func arm() {
        let chance = Int.random(in: 0..<100, using: &random)
        if withDiskErrors, disk.fault != .none {
            if chance < 30 { disk.fault = .none }
            return
        }
        guard chance < 25 else { return }
        disk.fault = withDiskErrors ? .failing(1) : .death(after: disk.writes + Int.random(in: 0..<14, using: &random))
    }

    private func revive() throws {
        now += Double(Int.random(in: 0..<20, using: &random))
        try boot()
        say(report)
        let active = Set(report.filter { $0.endsAt == nil }.map(\.fingerprint))
        act(engine?.reconcile(source: .rules, active: active, at: seconds(now)) ?? [])
    }

    private func step() throws {
        switch Int.random(in: 0..<10, using: &random) {
        case 0...3:
            let name = names.randomElement(using: &random) ?? "A"
            if truth[name]?.last.map({ $0.end == nil }) == true { end(name) } else { begin(name) }
            say(report)
        case 4:
            let receiver = ["first", "second"].randomElement(using: &random) ?? ""
            receiverIsDown[receiver] = now + Double(Int.random(in: 1..<40, using: &random))
        case 5: try silence()
        default:
            now += Double(Int.random(in: 1..<15, using: &random))
            act(engine?.tick(at: seconds(now)) ?? [])
        }
    }

    private func begin(_ name: String) {
        now += 0.5
        truth[name, default: []].append(Episode(start: now, end: nil))
    }

    private func end(_ name: String) {
        now += 0.5
        guard let index = truth[name]?.indices.last, truth[name]?[index].end == nil else { return }
        truth[name]?[index].end = now
    }

    private func silence() throws {
        let name = names.randomElement(using: &random) ?? "A"
        let length = Double(Int.random(in: 5..<60, using: &random))
        let silence = Silence(
            matchers: [try matcher("alertname=\(name)")],
            startsAt: seconds(now),
            endsAt: seconds(now + length),
            createdBy: "simulation",
            comment: "none"
        )
        _ = try engine?.setSilence(silence, at: seconds(now))
    }

    // MARK: The wire

    private func say(_ alerts: [Alert]) { act(engine?.process(alerts, at: seconds(now)) ?? []) }

    private func act(_ attempts: [DeliveryAttempt]) {
        var waiting = attempts
        var rounds = 0
        // A process that died before it returned sends nothing.
        while !disk.isDead, !waiting.isEmpty, rounds < 100 {
            rounds += 1
            for attempt in waiting {
                guard !disk.isDead else { return }
                if let until = receiverIsDown[attempt.receiver], until > now {
                    // Some are taken although the answer is lost.
                    if Int.random(in: 0..<4, using: &random) == 0 { receive(attempt) }
                    engine?.complete(attempt, .failed(reason: "timeout_first_byte", text: ""), at: seconds(now))
                } else {
                    receive(attempt)
                    engine?.complete(attempt, .answered(status: 200, retryAfter: nil, body: []), at: seconds(now))
                }
            }
            guard !disk.isDead else { return }
            waiting = engine?.tick(at: seconds(now)) ?? []
        }
    }

    private func receive(_ attempt: DeliveryAttempt) {
        guard case .http(let delivery) = attempt.action, let json = try? JSONValue(parsing: delivery.body) else {
            complaints.append("not JSON")
            return
        }
        if let known = bodies[attempt.notificationID], known != delivery.body {
            complaints.append("one id, two bodies: \(attempt.notificationID)")
        }
        bodies[attempt.notificationID] = delivery.body
        messages.append((attempt.integration, attempt.notificationID, json))
        checkTruth(json)
    }

    // MARK: The books

    /// Nobody is told that something is over which is not.
    private func checkTruth(_ json: JSONValue) {
        for told in json["alerts"]?.array ?? [] {
            guard let name = told["labels"]?["alertname"]?.string, let start = Self.start(told),
                let episode = (truth[name] ?? []).first(where: { abs($0.start - start) < 0.01 })
            else {
                complaints.append("told with a start that never was: \(told)")
                continue
            }
            if told["status"]?.string == "resolved", episode.end == nil {
                complaints.append("false resolve of \(name)")
            }
        }
    }

    /// Seconds of the simulation from RFC 3339.
    private static func start(_ told: JSONValue) -> Double? {
        guard let text = told["startsAt"]?.string else { return nil }
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions =
            text.contains(".") ? [.withInternetDateTime, .withFractionalSeconds] : [.withInternetDateTime]
        guard let date = formatter.date(from: text) else { return nil }
        return date.timeIntervalSince1970 - Double(seconds(0).milliseconds) / 1000
    }

    /// At the end: what fires was told, what was told firing and is over was told over, and nothing was told twice
    /// under two ids.
    func audit() {
        var last: [String: String] = [:]
        var contents: [String: (content: String, id: String)] = [:]
        for message in messages {
            let group = message.json["groupKey"]?.string ?? ""
            var content = "\(message.integration) \(group)"
            for told in message.json["alerts"]?.array ?? [] {
                let name = told["labels"]?["alertname"]?.string ?? ""
                let status = told["status"]?.string ?? ""
                last["\(message.integration) \(group) \(name)"] = "\(status) \(told["startsAt"]?.string ?? "")"
                content += " \(name) \(status) \(told["startsAt"]?.string ?? "")"
            }
            let lane = "\(message.integration) \(group)"
            if let known = contents[lane], known.content == content, known.id != message.id {
                complaints.append("told twice under two ids: \(content)")
            }
            contents[lane] = (content, message.id)
        }
        for (key, value) in last where value.hasPrefix("firing") {
            let name = String(key.suffix(1))
            if truth[name]?.last?.end != nil { complaints.append("no resolve: \(key)") }
        }
        for name in names {
            guard let episode = truth[name]?.last, episode.end == nil else { continue }
            if name == "B", truth["A"]?.last.map({ $0.end == nil }) == true { continue }
            let told = last.filter { $0.key.hasSuffix(" " + name) }
            let receivers = names.firstIndex(of: name) ?? 0 < 3 ? 2 : 1
            if told.filter({ $0.value.hasPrefix("firing") }).count < receivers {
                complaints.append("not told: \(name) since \(episode.start): \(told)")
            }
        }
        if let engine, !engine.outboxItems.isEmpty || !engine.deadLetterItems.isEmpty {
            complaints.append("left in the outbox: \(engine.outboxItems.count)")
        }
    }
}
