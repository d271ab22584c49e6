// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks
import RedisClient

/// The attempts of a Redis check, on the loop's thread: one batch of commands each.
///
/// `PONG` alone proves little: a server that is full, a replica, or one that cannot save says it, too.
final class RedisProbe: CheckProbe {
    private let configuration: RedisCheckConfiguration
    private let connector: RedisConnector
    private let environment: CheckEnvironment
    private var reader = RedisInfoReader()
    private let connection: KeptConnection<RedisConnection>
    private var second: RedisConnection?
    private var logins: LoginSchedule
    private let database: Int

    init(name: String, configuration: RedisCheckConfiguration, url: RedisURL, environment: CheckEnvironment) {
        self.configuration = configuration
        self.environment = environment
        logins = LoginSchedule(every: configuration.loginInterval)
        let connector = RedisConnector(url: url, tls: configuration.tls, environment: environment)
        let database = configuration.mode == .standalone ? url.database : 0
        self.connector = connector
        self.database = database
        connection = KeptConnection { deadline, completion in
            connector.open(database: database, deadline: deadline, completion: completion)
        } closed: {
            environment.connectionClosed(name)
        }
    }

    /// Whatever is under way may answer too late: none of it is used again.
    func close() {
        connection.close()
        second?.close()
        second = nil
    }

    func begin(_ attempt: CheckAttempt) {
        let round = RedisRound(attempt)
        attempt.whenLate = { [self] in
            close()
            return round.down(.timeout, "no answer within the deadline")
        }
        if connection.current?.isUsable != true {
            environment.note("connecting to \(connector.url.address)")
            logins.connectionLost()
        } else if logins.isDue(at: attempt.started) {
            tryLogin(round)
        }
        connection.use(for: attempt) { [self] in ask($0, round) }
    }

    // MARK: Logging in

    private func tryLogin(_ round: RedisRound) {
        logins.begin(at: round.attempt.started)
        round.isLoginPending = true
        second = connector.open(database: database, deadline: round.attempt.remaining) { [self] fresh, failure in
            guard failure == nil else { return loginTried(round, fresh, failure) }
            fresh.send([["PING"]], deadline: round.attempt.remaining) { [self] outcome in
                switch outcome {
                case .failure(let failure): loginTried(round, fresh, failure)
                case .success: loginTried(round, fresh, nil)
                }
            }
        }
    }

    private func loginTried(_ round: RedisRound, _ fresh: RedisConnection, _ failure: RedisFailure?) {
        fresh.close()
        second = nil
        round.isLoginPending = false
        round.loginFailure = failure
        logins.end(failed: failure != nil)
        finishIfComplete(round)
    }

    // MARK: Asking

    private func commands() -> [[String]] {
        var commands = [["PING"]]
        let wantsEverything = configuration.collectsInfo && configuration.collectsCommands
        commands.append(wantsEverything ? ["INFO", "all"] : ["INFO"])
        switch configuration.mode {
        case .sentinel: break
        case .cluster: commands.append(["CLUSTER", "INFO"])
        case .standalone: break
        }
        if configuration.mode != .sentinel, configuration.collectsInfo {
            commands += [["SLOWLOG", "LEN"], ["SLOWLOG", "GET", "1"], ["LATENCY", "LATEST"]]
        }
        if let key = configuration.canaryKey { commands.append(["SET", key, "sidecar", "EX", "60"]) }
        return commands
    }

    private func ask(_ opened: Result<RedisConnection, RedisFailure>, _ round: RedisRound) {
        let open: RedisConnection
        switch opened {
        case .failure(let failure): return finish(round, failure)
        case .success(let connection): open = connection
        }
        if logins.connected(at: MonotonicTime.now()) {
            environment.note("logged in")
        }
        let commands = commands()
        let asked = MonotonicTime.now()
        open.send(commands, deadline: round.attempt.remaining) { [self] outcome in
            guard !round.attempt.isFinished else { return }
            round.answerTime = MonotonicTime.now() - asked
            switch outcome {
            case .success(let replies):
                round.replies = Dictionary(uniqueKeysWithValues: zip(commands.map(Self.key), replies))
                round.isAnswered = true
                for (command, reply) in zip(commands, replies) {
                    environment.note("\(command.joined(separator: " ")): \(Self.shown(reply))")
                }
                finishIfComplete(round)
            case .failure(let failure):
                logins.connectionLost()
                let isReplaced = connection.replaces(after: failure, for: round.attempt) { [self] in ask($0, round) }
                if !isReplaced { finish(round, failure) }
            }
        }
    }

    private func finish(_ round: RedisRound, _ failure: RedisFailure) {
        round.attempt.finish(round.down(HealthReason(failure), failure.description))
    }

    private static func key(_ command: [String]) -> String {
        command[0] == "SET" || command[0] == "INFO" ? command[0] : command.prefix(2).joined(separator: " ")
    }

    /// Of an answer a line, or how much there is.
    private static func shown(_ reply: RedisValue) -> String {
        if let text = reply.errorText { return text }
        if let list = reply.array { return "\(list.count) elements" }
        guard let text = reply.text else { return "nothing" }
        return text.utf8.count > 100 ? "\(text.utf8.count) bytes" : text
    }

    // MARK: Answering

    private func finishIfComplete(_ round: RedisRound) {
        guard !round.attempt.isFinished, round.isAnswered, !round.isLoginPending else { return }
        let info = round.replies["INFO"]?.text.map(RedisInfo.init) ?? RedisInfo("")
        let cluster = round.replies["CLUSTER INFO"]?.text.map(RedisInfo.init)
        let outcome = verdict(round, info, cluster)
        let isUp = outcome.map { $0.isDegradedOnly } ?? true
        var samples = [CheckSample(RedisFamilies.up, [], isUp ? 1 : 0)]
        if configuration.collectsInfo {
            let took = round.answerTime.inSeconds
            samples += reader.samples(info, commands: configuration.collectsCommands)
            if let cluster { samples += reader.clusterSamples(cluster) }
            samples += reader.slowLogSamples(
                length: round.replies["SLOWLOG LEN"],
                newest: round.replies["SLOWLOG GET"],
                latency: round.replies["LATENCY LATEST"]
            )
            let hasFailed = round.replies["INFO"]?.errorText != nil
            samples.append(CheckSample(RedisFamilies.lastScrapeError, RedisFamilies.noError, hasFailed ? 1 : 0))
            samples.append(CheckSample(RedisFamilies.lastScrapeDuration, [], took))
        }
        let duration = round.attempt.elapsed
        guard let outcome else { return round.attempt.finish(.up(duration: duration, samples: samples)) }
        round.attempt.finish(
            outcome.isDegradedOnly
                ? .degraded(outcome.reason, outcome.text, duration: duration, samples: samples)
                : .down(outcome.reason, outcome.text, duration: duration, samples: samples)
        )
    }

    private typealias Outcome = (reason: HealthReason, text: String, isDegradedOnly: Bool)

    private func verdict(_ round: RedisRound, _ info: RedisInfo, _ cluster: RedisInfo?) -> Outcome? {
        if let text = round.replies["PING"]?.errorText {
            let failure = RedisFailure(reply: text)
            // A user that may not PING has logged in; anything else speaks for itself.
            if failure.reason != .noPermission { return (HealthReason(failure), failure.text, false) }
        }
        if let failure = round.loginFailure {
            return (HealthReason(failure), "a new login failed: \(failure.text)", false)
        }
        if let text = round.replies["SET"]?.errorText {
            let failure = RedisFailure(reply: text)
            return (HealthReason(failure), failure.text, false)
        }
        if info["loading"] == "1" { return (.loading, "loading its data set", false) }
        if let state = cluster?["cluster_state"], state != "ok" {
            return (.clusterDown, "cluster_state:\(state)", false)
        }
        if configuration.mode == .sentinel, let problem = sentinelProblem(info) { return problem }
        if info.isFullForGood { return (.outOfMemory, "used memory is above maxmemory, and nothing is evicted", false) }
        if configuration.requiresWritable, info["role"] == "slave" { return (.readOnly, "a replica", false) }
        if info["role"] == "slave", info["master_link_status"] == "down" {
            return (.primaryDown, "the link to the primary is down", !configuration.requiresWritable)
        }
        if info["rdb_last_bgsave_status"] == "err" || info["aof_last_write_status"] == "err" {
            return (.persistenceFailed, "the last save failed", true)
        }
        if let limit = configuration.slowAfter, round.answerTime > limit {
            return (.slow, "the answer took too long", true)
        }
        return nil
    }

    private func sentinelProblem(_ info: RedisInfo) -> Outcome? {
        if info["sentinel_tilt"] == "1" { return (.clusterDown, "the Sentinel is in TILT mode", true) }
        for master in info.sentinelMasters where master["status"] != "ok" {
            return (.primaryDown, "\(master["name"] ?? ""): \(master["status"] ?? "")", false)
        }
        return nil
    }
}

/// What is known within one attempt.
final class RedisRound {
    let attempt: CheckAttempt
    var replies: [String: RedisValue] = [:]
    var answerTime = Duration.zero
    var isAnswered = false
    var isLoginPending = false
    var loginFailure: RedisFailure?

    init(_ attempt: CheckAttempt) {
        self.attempt = attempt
    }

    func down(_ reason: HealthReason, _ text: String) -> CheckResult {
        .down(reason, text, duration: attempt.elapsed, samples: Self.downSamples)
    }

    private static let downSamples = [CheckSample(RedisFamilies.up, [], 0)]
}
