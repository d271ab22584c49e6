// SPDX-License-Identifier: Apache-2.0

import AlertRules
import HealthChecks
import Notifications
import SidecarServer
import TestSupport
import TimeSeries

/// A seeded run of everything between a scrape and a receiver: the program's schedule, rules, alert states, notifications
/// and their files, on a virtual clock, a virtual disk and a virtual network that all misbehave.
///
/// Every decision comes from the seed, so a seed that fails fails again.
final class Simulation {
    /// What a seed decides once.
    struct Character {
        /// Power cuts beside kills: what was not synced may get lost or torn.
        let losesPower: Bool
        let diskFails: Bool
        let clockJumps: Bool
        let gathers: Bool
        let reloads: Bool

        init(_ random: inout SeededGenerator) {
            losesPower = random.chance(0.4)
            diskFails = random.chance(0.25)
            clockJumps = random.chance(0.3)
            gathers = random.chance(0.3)
            reloads = random.chance(0.4)
        }
    }

    let seed: UInt64
    let character: Character
    var random: SeededGenerator
    var agenda = Agenda()
    var world = World()
    var network = Network()
    var ledger = Ledger()
    let disk: VirtualDisk
    var life: Life?
    /// Counts lives; events of a dead one do nothing.
    private(set) var generation = 0
    let clock = VirtualClock()
    private(set) var hasGoneBack = false
    var edition = 0
    /// What fires, by the rules' own words, and since when.
    var firing: [AlertID: Timestamp] = [:]
    /// Alerts about whose last change nobody can know whether it was committed, as the process died of it.
    var doubtful: Set<AlertID> = []
    /// When an alert ended because its rule was replaced.
    var endedByReload: [AlertID: Duration] = [:]
    /// When an alert resolved.
    var ended: [AlertID: Duration] = [:]
    /// How the clock was set while no process ran.
    private(set) var leapsWhileDead: [(at: Duration, distance: Duration)] = []
    /// Ended, and the process died before it told anybody: the next one does, if it does not fire again.
    var untoldEnds: Set<AlertID> = []
    /// How long each alert's condition has held before the rules' eyes.
    var patience: [AlertID: Duration] = [:]
    var lastEvaluation: Duration?
    /// While the disk fails, and until all was written anew, a death would forget: none is allowed.
    var mayDieFrom: Duration = .zero
    var isCalm = false
    /// A fingerprint of everything that happened, and the last of it in words.
    private(set) var trace: UInt64 = 14_695_981_039_346_656_037
    private(set) var story: [String] = []
    var keepsStory = false

    init(seed: UInt64) {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        character = Character(&random)
        disk = VirtualDisk(seed: random.next(), losesPower: character.losesPower)
        // Most begin with empty files, some with none.
        if seed % 4 != 0 { for (name, bytes) in Life.emptyFiles { disk.install(bytes, as: name) } }
    }

    /// How long the notifications take to tell a change that waits for nothing.
    static let tellingTime: Duration = .milliseconds(600)

    var now: Duration { agenda.now }
    var wall: Timestamp { clock.wall }

    /// Runs to the end and answers what went wrong.
    func run() -> [String] {
        // What is still to happen holds the simulation, and the simulation holds that.
        defer {
            agenda = Agenda()
            life = nil
        }
        boot()
        let end = Duration.seconds(Int64.random(in: 20...60, using: &random))
        trouble()
        advance(until: end)
        // Peace: nothing fails, and after a while nothing is wrong either.
        isCalm = true
        network.isCalm = true
        disk.fault = .none
        for instance in Scenario.instances { world.weather[instance] = .fine }
        if life == nil { armBoot(after: .zero) }
        advance(until: end + .seconds(14))
        for alert in patience.keys.sorted() where firing[alert] == nil {
            ledger.complain("\(alert) has been true for \(patience[alert] ?? .zero) and does not fire")
        }
        world.calm()
        let last = end + .seconds(130)
        while now < last, !isQuiet, ledger.complaints.isEmpty { advance(until: now + .seconds(1)) }
        // What would come too late, or too often.
        advance(until: now + .seconds(6))
        for alert in firing.keys.sorted() { ledger.complain("\(alert) fires to the end") }
        if let engine = life?.engine, !engine.outboxItems.isEmpty || !engine.deadLetterItems.isEmpty {
            ledger.complain("left in the outbox: \(engine.outboxItems.count)")
        }
        ledger.audit(isExact: !character.gathers && !hasGoneBack)
        // What comes after the first is its consequence.
        return ledger.complaints.prefix(1).map { "seed \(seed): \($0)" }
    }

    /// Nothing fires, and everything was told.
    private var isQuiet: Bool { firing.isEmpty && life?.engine.outboxItems.isEmpty == true }

    private func advance(until end: Duration) {
        while ledger.complaints.isEmpty, let event = agenda.next(until: end) {
            clock.uptime = agenda.now
            event()
        }
        clock.uptime = agenda.now
    }

    func note(_ text: @autoclosure () -> String) {
        let text = text()
        mix(UInt64(truncatingIfNeeded: (now / .microseconds(1)).bitPattern))
        for byte in text.utf8 { mix(UInt64(byte)) }
        if keepsStory { story.append("\(now) \(text)") }
    }

    private func mix(_ value: UInt64) { trace = (trace ^ value) &* 1_099_511_628_211 }

    /// Something that is told in the story alone.
    func detail(_ text: @autoclosure () -> String) {
        if keepsStory { story.append("\(now)     \(text())") }
    }

    // MARK: Trouble

    /// One piece of trouble, and the next one later.
    private func trouble() {
        guard !isCalm else { return }
        cause()
        agenda.add(after: .milliseconds(Int64.random(in: 20...1_500, using: &random))) { [self] in trouble() }
    }

    private func cause() {
        let instance = Scenario.instances.randomElement(using: &random) ?? ""
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<55:
            let metric = Scenario.metrics.randomElement(using: &random) ?? ""
            world.set(metric, of: instance, to: [0, 0.5, 1, 1].randomElement(using: &random) ?? 0)
        case 55..<67: world.weather[instance] = World.Weather.allCases.randomElement(using: &random)
        case 67..<75: world.weather[instance] = .fine
        case 75..<82:
            let receiver = Scenario.receivers.randomElement(using: &random) ?? ""
            network.breakDown(receiver, until: now + .seconds(Int64.random(in: 1...30, using: &random)))
        case 82..<86: kill()
        case 86..<91:
            if now >= mayDieFrom { disk.fault = .death(after: disk.writes + Int.random(in: 0...60, using: &random)) }
        case 91..<94: if character.diskFails { breakDisk() }
        case 94..<97: if character.clockJumps { setClock() }
        default: if character.reloads { reload() }
        }
    }

    private func breakDisk() {
        guard disk.fault == .none else { return }
        let length = Duration.milliseconds(Int64.random(in: 100...8_000, using: &random))
        note("the disk fails for \(length)")
        disk.fault = .failing([0.2, 1].randomElement(using: &random) ?? 1)
        mayDieFrom = now + length + .seconds(5)
        agenda.add(after: length) { [self] in
            if case .failing = disk.fault { disk.fault = .none }
        }
    }

    private func setClock() {
        var distance = Duration.seconds(Int64.random(in: -4_000...4_000, using: &random))
        // Within ten seconds nobody tells a clock that was set from one that is read late.
        if distance < .zero { distance -= .seconds(10) }
        note("the clock is set by \(distance)")
        if distance < .zero { hasGoneBack = true }
        clock.lead += distance
        if life == nil { leapsWhileDead.append((now, distance)) }
        world.samplesMayBeOutOfSight(at: now)
    }

    /// Other rules; perhaps something breaks just before, and perhaps the process dies just after.
    private func reload() {
        guard let life, random.chance(0.5) else { return reloadNow() }
        breakOne(life)
        let mine = generation
        agenda.add(after: .milliseconds(2)) { [self] in
            guard mine == generation, survives() else { return }
            evaluateEdge(life)
            if mine == generation { reloadNow() }
        }
    }

    private func reloadNow() {
        guard survives(), let life else { return }
        edition = Int.random(in: 0..<Scenario.editions, using: &random)
        note("reload: edition \(edition)")
        if now >= mayDieFrom, random.chance(0.3) {
            disk.fault = .death(after: disk.writes + Int.random(in: 0...20, using: &random))
        }
        life.edition = edition
        change(life.load(restoring: false, at: wall), isFirst: false)
        if survives() {
            act { $0.reload(Scenario.notifications(gathers: self.character.gathers), at: self.wall) }
        }
    }

    // MARK: Life and death

    private func kill() {
        guard life != nil, now >= mayDieFrom else { return }
        die("killed")
    }

    /// False when the disk has ended the process meanwhile.
    func survives() -> Bool {
        guard disk.isDead else { return life != nil }
        die("killed at a write")
        return false
    }

    private func die(_ why: String) {
        guard life != nil else { return }
        let power = character.losesPower && random.chance(0.5)
        note(why + (power ? ", power lost" : ""))
        disk.kill()
        life = nil
        generation += 1
        disk.crash(power: power)
        if power { world.samplesMayBeLost(at: now) }
        world.processDied()
        lastEvaluation = nil
        for ends in [endedByReload, ended] {
            for (alert, at) in ends where now - at < Self.tellingTime { untoldEnds.insert(alert) }
        }
        world.samplesMayBeOutOfSight(at: now)
        armBoot(after: .milliseconds(Int64.random(in: 50...15_000, using: &random)))
    }

    private var boots: UInt64 = 0

    private func armBoot(after delay: Duration) {
        boots += 1
        let number = boots
        agenda.add(after: delay) { [self] in
            if number == boots { boot() }
        }
    }

    private func boot() {
        note("start")
        if isCalm { disk.fault = .none }
        if case .failing = disk.fault { disk.fault = .none }
        if character.reloads, random.chance(0.3) { edition = Int.random(in: 0..<Scenario.editions, using: &random) }
        let clock = clock
        var wrong: String?
        do {
            life = try Life(
                disk: disk,
                clock: HealthClock { HealthTime(uptime: clock.uptime, unixMilliseconds: clock.wall.milliseconds) },
                edition: edition,
                gathers: character.gathers,
                random: { [unowned self] in random.next() },
                complain: { wrong = $0 }
            )
        } catch {
            guard disk.isDead else { return ledger.complain("does not start: \(error)") }
            life = nil
            generation += 1
            disk.crash(power: character.losesPower && random.chance(0.5))
            armBoot(after: .seconds(1))
            return
        }
        if let wrong { ledger.complain(wrong) }
        guard let life else { return }
        adopt(life.load(restoring: true, at: wall), life)
        guard survives() else { return }
        act { $0.tick(at: self.wall) }
        guard survives() else { return }
        armTick()
        armSync()
    }

    private func armSync() {
        let mine = generation
        agenda.add(after: .seconds(1)) { [self] in
            guard mine == generation, let life else { return }
            life.store.sync()
            if survives() { armSync() }
        }
    }

    // MARK: Notifications

    /// When the notifications' thread will have heard of everything.
    private var handedUntil: Duration = .zero

    /// Hands news to the notifications' thread, which gets to it a little later.
    func hand(_ news: [RuleRunner.News]) {
        guard !news.isEmpty else { return }
        let mine = generation
        // In order, as in the program.
        handedUntil = max(handedUntil, now + .microseconds(Int64.random(in: 0...3_000, using: &random)))
        agenda.add(after: handedUntil - now) { [self] in
            guard mine == generation else { return }
            for item in news {
                switch item {
                case .alerts(let alerts, let number): act { $0.process(alerts, number: number, at: self.wall) }
                case .active(let active):
                    // What ended untold is told now.
                    for alert in untoldEnds { endedByReload[alert] = now }
                    untoldEnds.removeAll()
                    act { $0.reconcile(source: .rules, active: active, at: self.wall) }
                }
                guard survives() else { return }
            }
        }
    }

    /// One turn of the notifications' thread.
    func act(_ body: (NotificationEngine) -> [DeliveryAttempt]) {
        guard let life else { return }
        let attempts = body(life.engine)
        guard survives() else { return }
        for attempt in attempts { deliver(attempt) }
        confirm(life.engine.storedReceipt, life)
        armWakeUp(life)
    }

    /// Tells the rules' thread, which gets to it a little later, what is safe.
    private func confirm(_ number: Int64, _ life: Life) {
        guard number != life.confirmed else { return }
        life.confirmed = number
        let mine = generation
        agenda.add(after: .microseconds(Int64.random(in: 0...3_000, using: &random))) { [self] in
            guard mine == generation else { return }
            life.runner.confirm(news: number)
            _ = survives()
        }
    }

    private var wakeUps: UInt64 = 0

    private func armWakeUp(_ life: Life) {
        wakeUps += 1
        let (mine, number) = (generation, wakeUps)
        guard let wakeUp = life.engine.nextWakeUp else { return }
        agenda.add(after: min(max(.zero, wakeUp - wall), .seconds(3_600))) { [self] in
            guard mine == generation, number == wakeUps else { return }
            act { $0.tick(at: self.wall) }
        }
    }

    private func deliver(_ attempt: DeliveryAttempt) {
        let mine = generation
        let (arrives, after, outcome) = network.send(attempt, at: now, &random)
        note(attempt.receiver + " " + attempt.notificationID + (arrives ? " " : " lost ") + outcome.reason)
        if arrives {
            ledger.receive(attempt, at: now)
            if let told = ledger.messages.last { detail("is told: \(told)") }
        }
        agenda.add(after: after) { [self] in
            guard mine == generation else { return }
            act { engine in
                engine.complete(attempt, outcome, at: self.wall)
                return self.disk.isDead ? [] : engine.tick(at: self.wall)
            }
        }
    }
}
