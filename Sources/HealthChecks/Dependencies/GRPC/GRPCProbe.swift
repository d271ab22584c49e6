// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import HealthChecks

/// The attempts of a gRPC check, on the loop's thread: one unary call over HTTP/2.
package final class GRPCProbe: CheckProbe {
    private let configuration: GRPCCheckConfiguration
    private let url: String
    private let environment: CheckEnvironment
    private var current: HTTPTransfer?
    private var session = TLSSession()

    init(_ configuration: GRPCCheckConfiguration, url: String, in environment: CheckEnvironment) {
        self.configuration = configuration
        self.url = url
        self.environment = environment
    }

    package func close() {
        current?.cancel()
        current = nil
    }

    package func begin(_ attempt: CheckAttempt) {
        attempt.whenLate = { [self] in
            close()
            return down(.timeout, "no answer within the deadline", attempt)
        }
        let collector = HTTPProbeCollector(limit: 4 << 10, keepsBody: true)
        collector.completion = { [self] report in
            current = nil
            guard !attempt.isFinished else { return }
            attempt.finish(result(report, body: collector.body, attempt))
        }
        current = environment.http.start(request(attempt), delegate: collector)
        if attempt.isFinished { current = nil }
    }

    private func request(_ attempt: CheckAttempt) -> HTTPRequest {
        var request = HTTPRequest(url: url, method: "POST")
        let limit = max(.milliseconds(1), attempt.remaining - .milliseconds(2))
        request.headers = [
            ("Content-Type", "application/grpc"), ("TE", "trailers"),
            ("grpc-timeout", "\(limit.atLeastOneMillisecond)m"),
        ]
        request.body = GRPCHealthMessage.request(service: configuration.service)
        request.tls = configuration.tls
        request.version = configuration.usesTLS ? .negotiated : .http2PriorKnowledge
        // libcurl before 8.0 does not know a kept connection without TLS as one of HTTP/2 again.
        request.usesOwnConnection = !configuration.usesTLS
        request.deadline = limit
        request.connectTimeout = limit
        request.bodyLimit = 4 << 10
        request.acceptsCompressed = false
        request.collectsHeaders = true
        request.collectsCertificates = configuration.usesTLS
        return request
    }

    private func result(_ report: HTTPTransferReport, body: [UInt8], _ attempt: CheckAttempt) -> CheckResult {
        if configuration.usesTLS { session.take(report) }
        if let failure = report.failure {
            return down(HealthReason(failure.reason), failure.text, attempt, report)
        }
        guard report.status == 200, report.head?.contentType?.hasPrefix("application/grpc") == true else {
            return down(.protocolError, "status \(report.status ?? 0), no gRPC", attempt, report)
        }
        // A call that fails at once has its status in the head, without a body and trailers.
        let text = report.trailers.last { $0.name.lowercased() == "grpc-status" }?.value
        guard let code = Int(text ?? report.head?.header("grpc-status") ?? "") else {
            return down(.protocolError, "no grpc-status", attempt, report)
        }
        guard code == 0 else { return down(Self.reason(code), "grpc-status \(code)", attempt, report, code: code) }
        guard let status = GRPCHealthMessage.status(body) else {
            return down(.protocolError, "no health message", attempt, report, code: code)
        }
        let samples = samples(status == .serving, attempt, report, code: code, status: status)
        guard status == .serving else {
            let text = status.rawValue
            return .down(.queryFailed, text, duration: attempt.elapsed, samples: samples)
        }
        if let limit = configuration.slowAfter, attempt.elapsed > limit {
            return .degraded(.slow, "the answer took too long", duration: attempt.elapsed, samples: samples)
        }
        return .up(duration: attempt.elapsed, samples: samples)
    }

    /// gRPC's status codes.
    private static func reason(_ code: Int) -> HealthReason {
        switch code {
        case 4: .timeout
        case 5: .missing
        case 7: .permission
        case 8: .localResource
        case 12: .missing
        case 14: .shuttingDown
        case 16: .auth
        default: .queryFailed
        }
    }

    private func down(
        _ reason: HealthReason,
        _ text: String,
        _ attempt: CheckAttempt,
        _ report: HTTPTransferReport = HTTPTransferReport(),
        code: Int? = nil
    ) -> CheckResult {
        let samples = samples(false, attempt, report, code: code, status: nil)
        return .down(reason, text, duration: attempt.elapsed, samples: samples)
    }

    private func samples(
        _ isSuccess: Bool,
        _ attempt: CheckAttempt,
        _ report: HTTPTransferReport,
        code: Int?,
        status: GRPCHealthMessage.Status?
    ) -> [CheckSample] {
        var samples = [
            CheckSample(ProbeFamilies.success, [], isSuccess ? 1 : 0),
            CheckSample(ProbeFamilies.duration, [], attempt.elapsed.inSeconds),
            CheckSample(ProbeFamilies.dnsTime, [], report.phases.resolve.inSeconds),
            CheckSample("probe_grpc_ssl", [], configuration.usesTLS && report.head != nil ? 1 : 0),
        ]
        if let code { samples.append(CheckSample("probe_grpc_status_code", [], Double(code))) }
        for known in GRPCHealthMessage.Status.allCases {
            samples.append(CheckSample(Self.response, Self.labels[known] ?? [], known == status ? 1 : 0))
        }
        return samples + session.samples
    }

    private static let response = CheckFamily(
        "probe_grpc_healthcheck_response",
        help: "1 for the status that the server gave."
    )
    private static let labels = Dictionary(
        uniqueKeysWithValues: GRPCHealthMessage.Status.allCases.map {
            ($0, [CheckLabel("serving_status", $0.rawValue)])
        }
    )
}
