// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import HealthChecks

/// The attempts of a TCP check, on the loop's thread.
package final class TCPProbe: CheckProbe {
    private static let answerLimit = 64 << 10

    private let configuration: TCPCheckConfiguration
    private let address: StreamAddress
    private let steps: [ConversationStep]
    private let environment: CheckEnvironment
    private let resolver: NameResolver
    private var stream: (any ByteStream)?
    private var remaining: ArraySlice<ConversationStep> = []
    private var heard: [UInt8] = []

    init(
        configuration: TCPCheckConfiguration,
        address: StreamAddress,
        steps: [ConversationStep],
        environment: CheckEnvironment
    ) {
        self.configuration = configuration
        self.address = address
        self.steps = steps
        self.environment = environment
        resolver = NameResolver(loop: environment.loop)
    }

    package func close() {
        stream?.close()
        stream = nil
    }

    package func begin(_ attempt: CheckAttempt) {
        close()
        remaining = steps[...]
        heard = []
        let fresh: any ByteStream
        if configuration.usesTLS, case .host(let host, let port) = address {
            fresh = TLSStream(client: environment.http, host: host, port: port, tls: configuration.tls)
        } else {
            fresh = SocketStream(loop: environment.loop, resolver: resolver, address: address)
        }
        attempt.whenLate = { [self] in
            let current = stream ?? fresh
            let isOpen = current.phases.connect > .zero
            close()
            let text =
                isOpen ? "connected, but no fitting answer within the deadline" : "no connection within the deadline"
            return down(isOpen ? .timeout : .connectTimeout, text, attempt, current)
        }
        open(fresh, attempt)
    }

    private func open(_ fresh: any ByteStream, _ attempt: CheckAttempt) {
        stream = fresh
        fresh.onBytes = { [self, weak fresh] bytes in
            guard let fresh else { return }
            heard += bytes
            environment.note("heard: \(Self.printable(bytes))")
            proceed(attempt, fresh)
        }
        fresh.onEnd = { [self, weak fresh] failure in
            guard !attempt.isFinished, let fresh else { return }
            finish(attempt, down(HealthReason(failure.reason), failure.description, attempt, fresh))
        }
        fresh.open(deadline: attempt.remaining) { [self, weak fresh] failure in
            guard !attempt.isFinished, let fresh else { return }
            if let failure {
                return finish(attempt, down(HealthReason(failure.reason), failure.description, attempt, fresh))
            }
            environment.note(
                "connected to \(fresh.phases.address ?? "\(address)") in \(HTTPTrace.milliseconds(fresh.phases.connect))"
            )
            if let tls = fresh as? TLSStream { environment.note("encryption: \(tls.tlsVersion ?? "unknown")") }
            proceed(attempt, fresh)
        }
    }

    private func proceed(_ attempt: CheckAttempt, _ stream: any ByteStream) {
        guard !attempt.isFinished else { return }
        while let step = remaining.first {
            switch step {
            case .send(let bytes):
                // What is sent may hold a password.
                environment.note("send: \(bytes.count) bytes")
                stream.send(bytes)
            case .hear(let expectation):
                switch expectation.judge(heard) {
                case .fits(let count): heard.removeFirst(min(count, heard.count))
                case .refused:
                    return finish(attempt, down(.statusCode, refusalText, attempt, stream, byExpression: true))
                case .more:
                    guard heard.count > Self.answerLimit else { return }
                    let result = down(.bodyMismatch, "no fitting answer", attempt, stream, byExpression: true)
                    return finish(attempt, result)
                }
            case .startTLS:
                remaining = remaining.dropFirst()
                return startTLS(attempt, stream)
            }
            remaining = remaining.dropFirst()
        }
        finish(attempt, verdict(attempt, stream))
    }

    private func startTLS(_ attempt: CheckAttempt, _ plain: any ByteStream) {
        // What came in the clear after the agreement is somebody else's.
        guard heard.isEmpty else {
            return finish(attempt, down(.protocolError, "bytes in the clear after STARTTLS", attempt, plain))
        }
        guard let socket = plain as? SocketStream, case .host(let host, let port) = address,
            let connection = socket.handOver()
        else {
            return finish(attempt, down(.internalError, "the connection cannot be handed over", attempt, plain))
        }
        let tls = TLSStream(
            client: environment.http,
            host: host,
            port: port,
            tls: configuration.tls,
            over: connection
        )
        open(tls, attempt)
    }

    // MARK: Answering

    private func verdict(_ attempt: CheckAttempt, _ stream: any ByteStream) -> CheckResult {
        let samples = samples(true, attempt, stream, byExpression: false)
        if let warning = configuration.certificateWarning, let tls = stream as? TLSStream,
            let expiry = TLSSession(tls).earliestExpiry,
            Double(expiry) - environment.unixTime() < warning.inSeconds
        {
            let text = "a certificate expires soon"
            return .degraded(.certificateExpiry, text, duration: attempt.elapsed, samples: samples)
        }
        if let limit = configuration.slowAfter, attempt.elapsed > limit {
            return .degraded(.slow, "it took too long", duration: attempt.elapsed, samples: samples)
        }
        return .up(duration: attempt.elapsed, samples: samples)
    }

    private func finish(_ attempt: CheckAttempt, _ result: CheckResult) {
        close()
        attempt.finish(result)
    }

    /// The first line of what the peer said.
    private var refusalText: String { "refused: " + Self.printable(heard) }

    private static func printable(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix(200).prefix { $0 >= 32 && $0 < 127 }, as: UTF8.self)
    }

    private func down(
        _ reason: HealthReason,
        _ text: String,
        _ attempt: CheckAttempt,
        _ stream: any ByteStream,
        byExpression: Bool = false
    ) -> CheckResult {
        let samples = samples(false, attempt, stream, byExpression: byExpression)
        return .down(reason, text, duration: attempt.elapsed, samples: samples)
    }

    private func samples(
        _ isSuccess: Bool,
        _ attempt: CheckAttempt,
        _ stream: any ByteStream,
        byExpression: Bool
    ) -> [CheckSample] {
        var samples = [
            CheckSample(ProbeFamilies.success, [], isSuccess ? 1 : 0),
            CheckSample(ProbeFamilies.duration, [], attempt.elapsed.inSeconds),
            CheckSample(ProbeFamilies.dnsTime, [], stream.phases.resolve.inSeconds),
            CheckSample(ProbeFamilies.failedByRegex, [], byExpression ? 1 : 0),
        ]
        if let address = stream.phases.address {
            samples.append(CheckSample(ProbeFamilies.ipProtocol, [], address.utf8.contains(UInt8(ascii: ":")) ? 6 : 4))
        }
        if let tls = stream as? TLSStream { samples += TLSSession(tls).samples }
        return samples
    }
}
