// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HealthChecks

/// Which memcached to ask.
package struct MemcachedCheckConfiguration: Sendable {
    /// `host[:port]` or `unix:/path`.
    package var address: String
    package var slowAfter: Duration?
    /// From this share of `limit_maxbytes` on, with evictions going on, the check is degraded; nil never.
    package var fullWarning: Double?

    package init(address: String) {
        self.address = address
    }
}

/// Asks memcached for its version and statistics over one connection that stays open and is watched.
package typealias MemcachedCheck = ProbeCheck<MemcachedProbe>

extension ProbeCheck where Probe == MemcachedProbe {
    package convenience init(
        name: String,
        _ configuration: MemcachedCheckConfiguration,
        in environment: CheckEnvironment
    ) throws(CheckConfigurationError) {
        guard let address = StreamAddress(configuration.address, defaultPort: 11_211) else {
            throw CheckConfigurationError("address: expected host:port or unix:/path")
        }
        let probe = MemcachedProbe(name: name, configuration, address: address, in: environment)
        self.init(name: name, kind: "memcached", instance: address.description, probe: probe, in: environment)
    }
}

/// The attempts of a memcached check, on the loop's thread.
package final class MemcachedProbe: CheckProbe {
    private static let answerLimit = 1 << 20

    private let name: String
    private let configuration: MemcachedCheckConfiguration
    private let address: StreamAddress
    private let environment: CheckEnvironment
    private let resolver: NameResolver
    private var stream: SocketStream?
    private var heard: [UInt8] = []
    private var current: CheckAttempt?
    private var lastEvictions: Double?

    init(
        name: String,
        _ configuration: MemcachedCheckConfiguration,
        address: StreamAddress,
        in environment: CheckEnvironment
    ) {
        self.name = name
        self.configuration = configuration
        self.address = address
        self.environment = environment
        resolver = NameResolver(loop: environment.loop)
    }

    package func close() {
        stream?.close()
        stream = nil
        current = nil
    }

    package func begin(_ attempt: CheckAttempt) {
        attempt.whenLate = { [self] in
            let isOpen = (stream?.phases.connect ?? .zero) > .zero
            close()
            return isOpen
                ? Self.down(.timeout, "no answer within the deadline", attempt)
                : Self.down(.connectTimeout, "no connection within the deadline", attempt)
        }
        current = attempt
        heard = []
        if let stream { return ask(stream) }
        connect(attempt)
    }

    private func connect(_ attempt: CheckAttempt) {
        let fresh = SocketStream(loop: environment.loop, resolver: resolver, address: address)
        stream = fresh
        var isFresh = true
        fresh.onBytes = { [self] bytes in
            heard += bytes
            read()
            isFresh = false
        }
        fresh.onEnd = { [weak self] failure in
            guard let self else { return }
            stream = nil
            guard let attempt = current, !attempt.isFinished else { return environment.connectionClosed(name) }
            // A kept connection that the server had ended unseen says nothing about the server: a new one does.
            if !isFresh, heard.isEmpty { return connect(attempt) }
            attempt.finish(refusal(attempt) ?? Self.down(HealthReason(failure.reason), failure.description, attempt))
        }
        fresh.open(deadline: attempt.remaining) { [self] failure in
            guard !attempt.isFinished else { return }
            if let failure {
                stream = nil
                return attempt.finish(Self.down(HealthReason(failure.reason), failure.description, attempt))
            }
            ask(fresh)
        }
    }

    private func ask(_ stream: SocketStream) {
        stream.send(Array("stats\r\nstats settings\r\nversion\r\n".utf8))
    }

    /// At its limit of connections the server says so and hangs up.
    private func refusal(_ attempt: CheckAttempt) -> CheckResult? {
        let text = String(decoding: heard.prefix(200), as: UTF8.self)
        guard text.hasPrefix("ERROR Too many open connections") else { return nil }
        return Self.down(.tooManyConnections, "too many open connections", attempt)
    }

    private func read() {
        guard let attempt = current, !attempt.isFinished else {
            // Bytes that nobody asked for.
            return close()
        }
        if let result = refusal(attempt) {
            close()
            return attempt.finish(result)
        }
        guard heard.count <= Self.answerLimit else {
            close()
            return attempt.finish(Self.down(.tooLarge, "an answer that does not end", attempt))
        }
        guard heard.last == UInt8(ascii: "\n") else { return }
        var statistics: [String: String] = [:]
        for line in String(decoding: heard, as: UTF8.self).split(whereSeparator: \.isNewline) {
            if line.hasPrefix("VERSION ") {
                return answer(MemcachedStatistics(statistics, version: String(line.dropFirst(8))), attempt)
            }
            let words = line.split(separator: " ", maxSplits: 2)
            if words.count == 3, words[0] == "STAT" {
                statistics[String(words[1])] = String(words[2])
            } else if line != "END" {
                close()
                let isNotAllowed = line.hasPrefix("CLIENT_ERROR unauthenticated")
                return attempt.finish(Self.down(isNotAllowed ? .auth : .protocolError, "no memcached", attempt))
            }
        }
    }

    private func answer(_ statistics: MemcachedStatistics, _ attempt: CheckAttempt) {
        let samples = statistics.samples
        let duration = attempt.elapsed
        let evictions = statistics["evictions"]
        let isEvicting = lastEvictions.map { (evictions ?? 0) > $0 } ?? false
        lastEvictions = evictions
        if statistics["accepting_conns"] == 0 {
            let text = "accepts no connections"
            return attempt.finish(.down(.tooManyConnections, text, duration: duration, samples: samples))
        }
        if let warning = configuration.fullWarning, isEvicting, let bytes = statistics["bytes"],
            let limit = statistics["limit_maxbytes"], limit > 0, bytes / limit > warning
        {
            let text = "full, and evicting"
            return attempt.finish(.degraded(.threshold, text, duration: duration, samples: samples))
        }
        if let limit = configuration.slowAfter, duration > limit {
            let text = "the answer took too long"
            return attempt.finish(.degraded(.slow, text, duration: duration, samples: samples))
        }
        attempt.finish(.up(duration: duration, samples: samples))
    }

    private static func down(_ reason: HealthReason, _ text: String, _ attempt: CheckAttempt) -> CheckResult {
        .down(reason, text, duration: attempt.elapsed, samples: [CheckSample(MemcachedStatistics.up, [], 0)])
    }
}
