// SPDX-License-Identifier: Apache-2.0

import HealthChecks

/// One named condition of a probe.
struct ProbeLine: Sendable, Hashable {
    let name: String
    /// Why the condition fails; nil when it holds.
    let failure: HealthReason?
    /// Whether the probe fails with it.
    let isCritical: Bool
    /// Something to look at although the condition holds.
    var warning: HealthReason?
    /// The check behind it, for those who may see details.
    var status: CheckStatus?

    static let ping = ProbeLine(name: "ping", failure: nil)

    init(name: String, failure: HealthReason?) {
        self.name = name
        self.failure = failure
        isCritical = true
    }

    /// A check's line, taking into account that its last answer may have become too old since the snapshot.
    init(check: CheckStatus, now: Duration) {
        name = check.name
        isCritical = check.isCritical
        status = check
        if check.state.isServing, let staleAt = check.staleAt, now >= staleAt {
            failure = .stale
        } else {
            failure = check.state.isServing ? nil : check.reason ?? .internalError
            warning = check.state == .degraded ? check.reason : nil
        }
    }
}

/// The line form: `[+]name ok`, `[-]name failed: reason`, as Kubernetes' API server writes it.
struct ProbeLines {
    let lines: [ProbeLine]
    let endpoint: ProbeEndpoint
    var excluded: [String] = []
    let details: Bool

    private var failing: [ProbeLine] {
        lines.filter { $0.failure != nil && $0.isCritical && !excluded.contains($0.name) }
    }

    /// The answer for one condition alone.
    var single: ProbeAnswer {
        guard let line = lines.first, let reason = line.failure else {
            return ProbeAnswer(isPassing: true, reason: nil, contentType: ProbeAnswer.text, body: "ok")
        }
        let body = "\(reason.rawValue): \(line.name)\n\(render(line))\n"
        return ProbeAnswer(isPassing: false, reason: reason, contentType: ProbeAnswer.text, body: body)
    }

    /// `ok`, or all lines when asked for or when something fails. A failure's first line is its reason, because that
    /// is what a balancer's log and `kubectl describe` show.
    func answer(isVerbose: Bool) -> ProbeAnswer {
        let failing = failing
        if failing.isEmpty, !isVerbose {
            return ProbeAnswer(isPassing: true, reason: nil, contentType: ProbeAnswer.text, body: "ok")
        }
        let reason = Self.leading(failing)
        var body = ""
        if let reason {
            body += "\(reason.rawValue): \(failing.map(\.name).joined(separator: ", "))\n"
        }
        for line in lines {
            body += excluded.contains(line.name) ? "[+]\(line.name) excluded: ok\n" : "\(render(line))\n"
        }
        let unknown = excluded.filter { name in !lines.contains { $0.name == name } }
        if !unknown.isEmpty {
            let names = unknown.map { "\"\(Self.printable($0))\"" }.joined(separator: ", ")
            body += "warn: some health checks cannot be excluded: no matches for \(names)\n"
        }
        body += "\(endpoint.rawValue) check \(failing.isEmpty ? "passed" : "failed")\n"
        return ProbeAnswer(
            isPassing: failing.isEmpty,
            reason: reason,
            contentType: ProbeAnswer.text,
            body: body
        )
    }

    /// The reason that explains the others: that of a failure without a failing dependency.
    static func leading(_ failing: [ProbeLine]) -> HealthReason? {
        (failing.first { $0.status?.rootCauses.isEmpty ?? true } ?? failing.first)?.failure
    }

    private func render(_ line: ProbeLine) -> String {
        guard let reason = line.failure else {
            guard let warning = line.warning else { return "[+]\(line.name) ok" }
            return "[+]\(line.name) ok, degraded: \(warning.rawValue)\(detail(line))"
        }
        let cause = line.status?.rootCauses.first.map { ", because of \($0)" } ?? ""
        guard line.isCritical else {
            return "[+]\(line.name) ok, advisory: \(reason.rawValue)\(cause)\(detail(line))"
        }
        return "[-]\(line.name) failed: \(reason.rawValue)\(cause)\(detail(line))"
    }

    private func detail(_ line: ProbeLine) -> String {
        guard details, let text = line.status?.lastResult?.text, !text.isEmpty else { return "" }
        return " (\(Self.printable(text)))"
    }

    /// One line of printable characters: what came from outside must not break the form.
    static func printable(_ text: String) -> String {
        String(
            decoding: text.utf8.prefix(256).map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: " ") : $0 },
            as: UTF8.self
        )
    }
}
