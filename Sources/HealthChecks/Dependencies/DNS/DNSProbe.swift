// SPDX-License-Identifier: Apache-2.0

import DNSClient
import EventLoop
import HealthChecks
import RegularExpressions

/// The attempts of a DNS check, on the loop's thread.
package final class DNSProbe: CheckProbe {
    private let configuration: DNSCheckConfiguration
    private let host: String
    private let port: UInt16
    private let patterns: [RegularExpression]
    private let environment: CheckEnvironment
    private let resolver: NameResolver
    private var datagrams: DatagramSocket?
    private var stream: SocketStream?
    private var timer: LoopTimer?

    init(
        _ configuration: DNSCheckConfiguration,
        host: String,
        port: UInt16,
        patterns: [RegularExpression],
        in environment: CheckEnvironment
    ) {
        self.configuration = configuration
        self.host = host
        self.port = port
        self.patterns = patterns
        self.environment = environment
        resolver = NameResolver(loop: environment.loop)
    }

    /// The first name server of `/etc/resolv.conf`.
    static func machineServer() -> String? {
        FileText.lines("/etc/resolv.conf").first { $0.count > 1 && $0[0] == "nameserver" }.map { String($0[1]) }
    }

    package func close() {
        datagrams?.close()
        datagrams = nil
        stream?.close()
        stream = nil
        if let timer { environment.loop.cancel(timer) }
        timer = nil
    }

    package func begin(_ attempt: CheckAttempt) {
        close()
        attempt.whenLate = { [self] in
            close()
            return down(.timeout, "no answer within the deadline", attempt, nil)
        }
        // Unguessable, so that nobody answers in the server's place.
        let identifier = UInt16.random(in: .min ... .max)
        environment.note("asking \(host):\(port) for \(configuration.name) \(configuration.type.rawValue)")
        guard let question = try? DNSMessage.query(configuration.name, configuration.type, id: identifier) else {
            return finish(attempt, down(.misconfigured, "no host name", attempt, nil))
        }
        if configuration.usesTCP { return askStream(question, identifier, attempt) }
        resolver.resolve(host) { [self] resolution in
            guard !attempt.isFinished else { return }
            switch resolution.addresses {
            case .success(let addresses): askDatagrams(question, identifier, addresses, attempt)
            case .failure(let error): finish(attempt, down(.dns, "server: \(error.rawValue)", attempt, nil))
            }
        }
    }

    private func askDatagrams(
        _ question: [UInt8],
        _ identifier: UInt16,
        _ addresses: [ResolvedAddress],
        _ attempt: CheckAttempt
    ) {
        guard let address = addresses.first else { return }
        do throws(StreamFailure) {
            datagrams = try DatagramSocket(loop: environment.loop, address: address, port: port) { [self] bytes in
                // What is not the answer to this question is nobody's business.
                guard !attempt.isFinished, let message = answer(bytes, identifier) else { return }
                if message.isTruncated { return askStream(question, identifier, attempt) }
                finish(attempt, verdict(message, attempt))
            } onFailure: { [self] failure in
                guard !attempt.isFinished else { return }
                finish(attempt, down(HealthReason(failure.reason), failure.description, attempt, nil))
            }
        } catch {
            return finish(attempt, down(HealthReason(error.reason), error.description, attempt, nil))
        }
        send(question, attempt)
    }

    /// A datagram may be lost: it is sent again while there is time.
    private func send(_ question: [UInt8], _ attempt: CheckAttempt) {
        datagrams?.send(question)
        timer = environment.loop.schedule(after: max(.milliseconds(50), attempt.remaining / 3)) { [self] in
            timer = nil
            if !attempt.isFinished { send(question, attempt) }
        }
    }

    private func askStream(_ question: [UInt8], _ identifier: UInt16, _ attempt: CheckAttempt) {
        close()
        let stream = SocketStream(
            loop: environment.loop,
            resolver: resolver,
            address: .host(host, port: port)
        )
        self.stream = stream
        var heard: [UInt8] = []
        stream.onBytes = { [self] bytes in
            heard += bytes
            guard !attempt.isFinished, heard.count > 2 else { return }
            let length = Int(heard[0]) << 8 | Int(heard[1])
            guard heard.count >= length + 2 else { return }
            guard let message = answer(Array(heard[2..<length + 2]), identifier) else {
                return finish(attempt, down(.protocolError, "no DNS message", attempt, nil))
            }
            finish(attempt, verdict(message, attempt))
        }
        stream.onEnd = { [self] failure in
            guard !attempt.isFinished else { return }
            finish(attempt, down(HealthReason(failure.reason), failure.description, attempt, nil))
        }
        stream.open(deadline: attempt.remaining) { [self] failure in
            guard !attempt.isFinished else { return }
            if let failure {
                return finish(attempt, down(HealthReason(failure.reason), failure.description, attempt, nil))
            }
            stream.send([UInt8(question.count >> 8), UInt8(question.count & 0xff)] + question)
        }
    }

    private func finish(_ attempt: CheckAttempt, _ result: CheckResult) {
        close()
        attempt.finish(result)
    }

    private func answer(_ bytes: [UInt8], _ identifier: UInt16) -> DNSMessage.Answer? {
        do throws(DNSFailure) {
            return try DNSMessage.answer(bytes, to: configuration.name, configuration.type, id: identifier)
        } catch {
            environment.note("an answer that cannot be read")
            return nil
        }
    }

    // MARK: Answering

    private func verdict(_ message: DNSMessage.Answer, _ attempt: CheckAttempt) -> CheckResult {
        let (authorities, additionals) = (message.authorityCount, message.additionalCount)
        environment.note("answer: code \(message.code), \(authorities) authorities, \(additionals) additionals")
        for record in message.records.prefix(32) { environment.note("  \(record.zoneText)") }
        switch message.code {
        case 0: break
        case 2: return down(.queryFailed, "SERVFAIL", attempt, message)
        case 3: return down(.missing, "NXDOMAIN", attempt, message)
        case 5: return down(.permission, "REFUSED", attempt, message)
        default: return down(.protocolError, "RCODE \(message.code)", attempt, message)
        }
        let texts = message.records.map(\.zoneText)
        guard !texts.isEmpty else { return down(.missing, "no record of the type", attempt, message) }
        for pattern in patterns where !texts.contains(where: { pattern.firstMatch(in: Array($0.utf8)) != nil }) {
            return down(.bodyMismatch, "no answer fits", attempt, message, byExpression: true)
        }
        let samples = samples(true, attempt, message, byExpression: false)
        if let limit = configuration.slowAfter, attempt.elapsed > limit {
            return .degraded(.slow, "the answer took too long", duration: attempt.elapsed, samples: samples)
        }
        return .up(duration: attempt.elapsed, samples: samples)
    }

    private func down(
        _ reason: HealthReason,
        _ text: String,
        _ attempt: CheckAttempt,
        _ message: DNSMessage.Answer?,
        byExpression: Bool = false
    ) -> CheckResult {
        let samples = samples(false, attempt, message, byExpression: byExpression)
        return .down(reason, text, duration: attempt.elapsed, samples: samples)
    }

    private func samples(
        _ isSuccess: Bool,
        _ attempt: CheckAttempt,
        _ message: DNSMessage.Answer?,
        byExpression: Bool
    ) -> [CheckSample] {
        var samples = [
            CheckSample(ProbeFamilies.success, [], isSuccess ? 1 : 0),
            CheckSample(ProbeFamilies.duration, [], attempt.elapsed.inSeconds),
            CheckSample(ProbeFamilies.failedByRegex, [], byExpression ? 1 : 0),
            CheckSample(Self.succeeded, [], message == nil ? 0 : 1),
        ]
        if let message {
            samples += [
                CheckSample("probe_dns_answer_rrs", [], Double(message.answerCount)),
                CheckSample("probe_dns_authority_rrs", [], Double(message.authorityCount)),
                CheckSample("probe_dns_additional_rrs", [], Double(message.additionalCount)),
            ]
            if case .authority(_, _, let serial) = message.records.first {
                samples.append(CheckSample("probe_dns_serial", [], Double(serial)))
            }
        }
        return samples
    }

    private static let succeeded = CheckFamily("probe_dns_query_succeeded", help: "Whether an answer came.")
}
