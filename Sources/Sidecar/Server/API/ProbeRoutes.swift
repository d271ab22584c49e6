// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HealthChecks
import Hummingbird
import Synchronization

/// `/probe?target=&module=`: one attempt of a check whose target the request names, as blackbox_exporter answers it. Only
/// modules and targets that the configuration allows.
struct ProbeRoutes: Sendable {
    /// Attempts at a time; further ones are refused.
    private static let limit = 32

    let configuration: @Sendable () -> ProbeConfiguration
    /// Makes an attempt, with somebody who hears what it does or not; nil when the sidecar is stopping.
    let attempt: @Sendable (CheckDefinition, Duration, StepLog?) async -> CheckResult?
    /// Whether this listener shows texts.
    let showsDetails: @Sendable () -> Bool
    private let running = Running()

    init(
        configuration: @escaping @Sendable () -> ProbeConfiguration,
        attempt: @escaping @Sendable (CheckDefinition, Duration, StepLog?) async -> CheckResult?,
        showsDetails: @escaping @Sendable () -> Bool
    ) {
        self.configuration = configuration
        self.attempt = attempt
        self.showsDetails = showsDetails
    }

    func register(on router: some RouterMethods<BasicRequestContext>) {
        router.get("/probe") { request, _ in await probe(request) }
    }

    private func probe(_ request: Request) async -> Response {
        let parameters = request.uri.queryParameters
        let configuration = configuration()
        guard let name = parameters["module"], let module = configuration.modules[String(name)] else {
            return .text("unknown module\n", status: .badRequest)
        }
        guard let target = parameters["target"].flatMap({ ProbeTarget(String($0)) }) else {
            return .text("target: expected host:port or a URL without credentials\n", status: .badRequest)
        }
        guard configuration.allowedTargets.contains(where: { $0.allows(target) }) else {
            return .text("the target is not among probes.allowed_targets\n", status: .forbidden)
        }
        guard let kind = module.definition(for: target) else {
            return .text("the module does not take such a target\n", status: .badRequest)
        }
        guard running.begin(limit: Self.limit) else {
            return .text("too many probes at a time\n", status: .serviceUnavailable)
        }
        defer { running.end() }
        let definition = CheckDefinition(name: "probe", settings: CheckSettings(), kind: kind, fingerprint: "")
        let isReport = parameters["debug"] == "true"
        let log = isReport && showsDetails() ? StepLog(clock: .system) : nil
        guard let result = await attempt(definition, timeout(of: module, request), log) else {
            return .text("stopping\n", status: .serviceUnavailable)
        }
        if isReport { return report(result, log?.steps ?? []) }
        return .text(ResultPage.text(result))
    }

    /// The module's, unless Prometheus gives up earlier.
    private func timeout(of module: ProbeModule, _ request: Request) -> Duration {
        guard let name = HTTPField.Name("X-Prometheus-Scrape-Timeout-Seconds"),
            let seconds = request.headers[name].flatMap(Double.init), seconds.isFinite, seconds > 0.5, seconds < 3_600
        else { return module.timeout }
        return min(module.timeout, .seconds(seconds - 0.5))
    }

    /// Steps and texts are the caller's to see only where details are shown.
    private func report(_ result: CheckResult, _ steps: [TrialStep]) -> Response {
        var text = "verdict: \(result.verdict.rawValue)\n"
        if let reason = result.reason { text += "reason: \(reason.rawValue)\n" }
        if showsDetails(), !result.text.isEmpty { text += "text: \(result.text)\n" }
        for step in steps { text += "\((step.after / .microseconds(10)).rounded() / 100) ms  \(step.text)\n" }
        return .text(text + "\n" + ResultPage.text(result))
    }

    /// How many attempts are under way.
    private final class Running: Sendable {
        private let count = Mutex(0)

        func begin(limit: Int) -> Bool {
            count.withLock { count in
                guard count < limit else { return false }
                count += 1
                return true
            }
        }

        func end() { count.withLock { $0 -= 1 } }
    }
}
