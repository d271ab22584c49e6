// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import HealthChecks

/// The attempts of an HTTP check, on the loop's thread.
final class HTTPProbe: CheckProbe {
    private let name: String
    private let configuration: HTTPCheckConfiguration
    private let expectation: HTTPExpectation
    private let origin: HTTPOrigin
    private let environment: CheckEnvironment
    private var observation: ConnectionObservation?
    private var current: HTTPTransfer?
    private var session = TLSSession()

    init(
        name: String,
        configuration: HTTPCheckConfiguration,
        expectation: HTTPExpectation,
        origin: HTTPOrigin,
        environment: CheckEnvironment
    ) {
        self.name = name
        self.configuration = configuration
        self.expectation = expectation
        self.origin = origin
        self.environment = environment
    }

    func observe() {
        observation = environment.http.observeConnections(to: origin) { [name, environment] _ in
            environment.connectionClosed(name)
        }
    }

    func close() {
        if let observation { environment.http.end(observation) }
        observation = nil
        current?.cancel()
        current = nil
    }

    func begin(_ attempt: CheckAttempt) {
        let collector = HTTPProbeCollector(
            limit: configuration.bodyLimit,
            keepsBody: expectation.readsBody || environment.trace != nil
        )
        attempt.whenLate = { [self] in
            current?.cancel()
            return down(.timeout, "no answer within the deadline", attempt, HTTPTransferReport())
        }
        collector.completion = { [self] report in
            current = nil
            guard !attempt.isFinished else { return }
            if environment.trace != nil { HTTPTrace.note(report, body: collector.body, in: environment) }
            attempt.finish(result(attempt, report, body: collector.body))
        }
        environment.note("\(configuration.method) \(HTTPTrace.shown(configuration.url))")
        current = environment.http.start(request(attempt), delegate: collector)
        if attempt.isFinished { current = nil }
    }

    private func request(_ attempt: CheckAttempt) -> HTTPRequest {
        var request = HTTPRequest(url: configuration.url, method: configuration.method)
        request.headers = configuration.headers
        request.body = configuration.body.map { Array($0.utf8) }
        request.authorization = configuration.authorization
        request.unixSocketPath = configuration.unixSocketPath
        request.proxy = configuration.proxy
        request.tls = configuration.tls
        request.version = configuration.version
        request.addressFamily = configuration.addressFamily
        request.followsRedirects = configuration.followsRedirects
        // libcurl's own clock ends the transfer, so that its phase is known; the attempt's timer is the second guard.
        let limit = max(.milliseconds(1), attempt.remaining - .milliseconds(2))
        request.deadline = limit
        request.connectTimeout = limit
        request.bodyLimit = configuration.bodyLimit
        request.bodyOverflow = .truncate
        request.collectsHeaders = true
        request.collectsCertificates = origin.scheme == "https"
        return request
    }

    private func result(_ attempt: CheckAttempt, _ report: HTTPTransferReport, body: [UInt8]) -> CheckResult {
        if origin.scheme == "https" { session.take(report) }
        if let failure = report.failure {
            return down(HealthReason(failure.reason), failure.text, attempt, report)
        }
        guard let head = report.head else { return down(.protocolError, "no answer", attempt, report) }
        if let mismatch = expectation.mismatch(head: head, body: body, isTLS: isTLS(report)) {
            return down(mismatch.reason, mismatch.text, attempt, report, byExpression: mismatch.isByExpression)
        }
        let samples = samples(report, isSuccess: true, byExpression: false, attempt.elapsed)
        if let warning = configuration.certificateWarning, let expiry = session.earliestExpiry {
            let left = Double(expiry) - environment.unixTime()
            if left < warning.inSeconds {
                let days = Int(clamping: Int64(max(-1e9, min(1e9, left)) / 86_400))
                let text = "a certificate expires in \(days) days"
                return .degraded(.certificateExpiry, text, duration: attempt.elapsed, samples: samples)
            }
        }
        if let limit = configuration.slowAfter, report.phases.total > limit {
            return .degraded(.slow, "the answer took too long", duration: attempt.elapsed, samples: samples)
        }
        return .up(duration: attempt.elapsed, samples: samples)
    }

    private func down(
        _ reason: HealthReason,
        _ text: String,
        _ attempt: CheckAttempt,
        _ report: HTTPTransferReport,
        byExpression: Bool = false
    ) -> CheckResult {
        let samples = samples(report, isSuccess: false, byExpression: byExpression, attempt.elapsed)
        return .down(reason, text, duration: attempt.elapsed, samples: samples)
    }

    private func isTLS(_ report: HTTPTransferReport) -> Bool { origin.scheme == "https" }

    private func samples(
        _ report: HTTPTransferReport,
        isSuccess: Bool,
        byExpression: Bool,
        _ elapsed: Duration
    ) -> [CheckSample] {
        let length = report.announcedLength ?? (report.head == nil ? 0 : -1)
        var samples = [
            CheckSample(ProbeFamilies.success, [], isSuccess ? 1 : 0),
            CheckSample(ProbeFamilies.duration, [], elapsed.inSeconds),
            CheckSample(ProbeFamilies.dnsTime, [], report.phases.resolve.inSeconds),
            CheckSample(ProbeFamilies.failedByRegex, [], byExpression ? 1 : 0),
            CheckSample(ProbeFamilies.statusCode, [], Double(report.status ?? 0)),
            CheckSample(ProbeFamilies.contentLength, [], Double(length)),
            CheckSample(ProbeFamilies.bodyLength, [], Double(report.bodyBytes)),
            CheckSample(ProbeFamilies.redirects, [], Double(report.redirects)),
            CheckSample(ProbeFamilies.ssl, [], isTLS(report) && report.head != nil ? 1 : 0),
            CheckSample(ProbeFamilies.httpVersion, [], report.httpVersion),
        ]
        if let address = report.remoteAddress {
            samples.append(CheckSample(ProbeFamilies.ipProtocol, [], address.utf8.contains(UInt8(ascii: ":")) ? 6 : 4))
        }
        let phases = report.phases
        let values = [phases.resolve, phases.connect, phases.tls, phases.processing, phases.transfer]
        for (labels, value) in zip(ProbeFamilies.phaseLabels, values) {
            samples.append(CheckSample(ProbeFamilies.phaseDuration, labels, value.inSeconds))
        }
        samples += session.samples
        return samples
    }
}
