// SPDX-License-Identifier: Apache-2.0

public import HealthChecks

/// Answers probes from the registry's snapshot: the part shared by the routes, the fast handler and the tests.
///
/// Nothing is asked of a dependency, nothing waits: an answer is made from what the registry has published.
public struct ProbeResponder: Sendable {
    /// What the `/health` document says about memory.
    public struct Memory: Sendable, Hashable {
        /// Bytes of resident memory.
        public let residentBytes: Int64
        /// Bytes of virtual memory.
        public let virtualBytes: Int64

        /// Creates a reading.
        public init(residentBytes: Int64, virtualBytes: Int64) {
            self.residentBytes = residentBytes
            self.virtualBytes = virtualBytes
        }
    }

    /// Where the answers come from.
    public let registry: HealthRegistry
    /// The time.
    public let clock: HealthClock
    /// Reads the memory of the process, for `/health` alone.
    public let memory: @Sendable () -> Memory?

    /// Creates a responder.
    public init(
        registry: HealthRegistry,
        clock: HealthClock = .system,
        memory: @escaping @Sendable () -> Memory? = ProcessMemory.read
    ) {
        self.registry = registry
        self.clock = clock
        self.memory = memory
    }

    /// The answer to a request; nil when its path is none of the probes'.
    ///
    /// - Parameters:
    ///   - method: the request's method.
    ///   - target: path and query as sent.
    ///   - accept: the value of `Accept`.
    ///   - details: whether this caller may see texts, addresses and failures besides names, states and reasons.
    public func answer(method: String, target: String, accept: String?, details: Bool) -> ProbeAnswer? {
        guard let question = ProbeQuestion(target: target, method: method, accept: accept) else { return nil }
        guard method == "GET" || method == "HEAD" || method == "OPTIONS" else { return .methodNotAllowed }
        let now = clock.now()
        let snapshot = registry.snapshot
        let lines = lines(for: question.endpoint, snapshot: snapshot, now: now)
        switch question.form {
        case .text: return text(question, lines, details: details)
        case .json, .healthJSON:
            let document = HealthDocument(
                snapshot: snapshot,
                lines: lines,
                endpoint: question.endpoint,
                now: now,
                memory: question.endpoint == .health ? memory() : nil,
                showsDetails: details
            )
            return document.answer(isDraft: question.form == .healthJSON)
        }
    }

    /// Why the process should be restarted; nil when it is alive.
    public func livenessFailure(at now: HealthTime) -> HealthReason? {
        for check in registry.livenessChecks {
            if let reason = check.failure(at: now) { return reason }
        }
        return nil
    }

    func lines(for endpoint: ProbeEndpoint, snapshot: HealthSnapshot, now: HealthTime) -> [ProbeLine] {
        switch endpoint {
        case .livez:
            return [ProbeLine.ping]
                + registry.livenessChecks.map { ProbeLine(name: $0.name, failure: $0.failure(at: now)) }
        case .startupz:
            return [ProbeLine.ping, ProbeLine(name: "started", failure: snapshot.isStarted ? nil : .notStarted)]
        case .readyz, .health:
            let phase: HealthReason? =
                switch snapshot.phase {
                case .starting: .notStarted
                case .draining: .draining
                case .serving: nil
                }
            return [ProbeLine.ping, ProbeLine(name: "shutdown", failure: phase == .draining ? phase : nil)]
                + (phase == .notStarted ? [ProbeLine(name: "started", failure: phase)] : [])
                + snapshot.checks.map { ProbeLine(check: $0, now: now.uptime) }
        }
    }

    private func text(_ question: ProbeQuestion, _ lines: [ProbeLine], details: Bool) -> ProbeAnswer {
        if let name = question.check {
            guard let line = lines.first(where: { $0.name == name }) else { return .unknownCheck() }
            return ProbeLines(lines: [line], endpoint: question.endpoint, details: details).single
        }
        return ProbeLines(
            lines: lines,
            endpoint: question.endpoint,
            excluded: question.excluded,
            details: details
        ).answer(isVerbose: question.isVerbose)
    }
}
