// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import HealthChecks
import RegularExpressions

/// The attempts of a TCP check, on the loop's thread.
final class TCPProbe: CheckProbe {
    enum Step: Sendable {
        case send([UInt8])
        case expect(RegularExpression)
    }

    private static let answerLimit = 64 << 10

    private let configuration: TCPCheckConfiguration
    private let address: StreamAddress
    private let steps: [Step]
    private let environment: CheckEnvironment
    private let resolver: NameResolver
    private var stream: (any ByteStream)?
    private var remaining: ArraySlice<Step> = []
    private var heard: [UInt8] = []

    init(configuration: TCPCheckConfiguration, address: StreamAddress, steps: [Step], environment: CheckEnvironment) {
        self.configuration = configuration
        self.address = address
        self.steps = steps
        self.environment = environment
        resolver = NameResolver(loop: environment.loop)
    }

    func close() {
        stream?.close()
        stream = nil
    }

    func begin(_ attempt: CheckAttempt) {
        close()
        remaining = steps[...]
        heard = []
        let fresh: any ByteStream
        if configuration.usesTLS, case .host(let host, let port) = address {
            fresh = TLSStream(client: environment.http, host: host, port: port, tls: configuration.tls)
        } else {
            fresh = SocketStream(loop: environment.loop, resolver: resolver, address: address)
        }
        stream = fresh
        attempt.whenLate = { [self] in
            let isOpen = fresh.phases.connect > .zero
            close()
            let text =
                isOpen ? "connected, but no fitting answer within the deadline" : "no connection within the deadline"
            return down(isOpen ? .timeout : .connectTimeout, text, attempt, fresh)
        }
        fresh.onBytes = { [self, weak fresh] bytes in
            guard let fresh else { return }
            heard += bytes
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
            proceed(attempt, fresh)
        }
    }

    private func proceed(_ attempt: CheckAttempt, _ stream: any ByteStream) {
        guard !attempt.isFinished else { return }
        while let step = remaining.first {
            switch step {
            case .send(let bytes): stream.send(bytes)
            case .expect(let pattern):
                guard let found = pattern.firstMatch(in: heard), let whole = found.first ?? nil else {
                    guard heard.count <= Self.answerLimit else {
                        return finish(
                            attempt,
                            down(.bodyMismatch, "no fitting answer", attempt, stream, byExpression: true)
                        )
                    }
                    return
                }
                heard.removeFirst(whole.upperBound)
            }
            remaining = remaining.dropFirst()
        }
        let samples = samples(true, attempt, stream, byExpression: false)
        let chain = (stream as? TLSStream)?.certificates ?? []
        if let warning = configuration.certificateWarning, let expiry = chain.compactMap(\.notAfter).min(),
            Double(expiry) - environment.unixTime() < warning.inSeconds
        {
            let text = "a certificate expires soon"
            return finish(attempt, .degraded(.certificateExpiry, text, duration: attempt.elapsed, samples: samples))
        }
        if let limit = configuration.slowAfter, attempt.elapsed > limit {
            let text = "it took too long"
            return finish(attempt, .degraded(.slow, text, duration: attempt.elapsed, samples: samples))
        }
        finish(attempt, .up(duration: attempt.elapsed, samples: samples))
    }

    private func finish(_ attempt: CheckAttempt, _ result: CheckResult) {
        close()
        attempt.finish(result)
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
        samples += ProbeFamilies.certificateSamples((stream as? TLSStream)?.certificates ?? [])
        return samples
    }
}
