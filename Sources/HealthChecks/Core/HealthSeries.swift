// SPDX-License-Identifier: Apache-2.0

/// The series that every check has, whatever its kind.
///
/// As on a ``CheckSample``, the labels `check`, `job` and `instance` are added by whoever stores or writes them.
public enum HealthSeries {
    /// The raw answer of the last attempt.
    public static let up = CheckFamily(
        "health_check_up",
        help: "Whether the last attempt of the check succeeded (1) or not (0)."
    )
    /// One series per state, 1 for the one that holds.
    public static let state = CheckFamily(
        "health_check_state",
        help: "State of the check after its thresholds: 1 for the state that holds, 0 for the others."
    )
    /// How long the last attempt took.
    public static let duration = CheckFamily(
        "health_check_duration_seconds",
        help: "Duration of the last attempt of the check."
    )
    /// When the check last failed, by reason.
    public static let lastFailure = CheckFamily(
        "health_check_last_failure",
        help: "Unix time in seconds of the last failed attempt, by reason."
    )
    /// Attempts so far.
    public static let attempts = CheckFamily(
        "health_check_attempts_total",
        help: "Attempts of the check that gave an answer.",
        kind: .counter
    )
    /// Failed attempts so far.
    public static let failures = CheckFamily(
        "health_check_failures_total",
        help: "Attempts of the check that found the dependency down.",
        kind: .counter
    )

    private static let stateLabels = HealthState.allCases.map { ($0, [CheckLabel("state", $0.rawValue)]) }
    private static let reasonLabels = Dictionary(
        uniqueKeysWithValues: HealthReason.allCases.map { ($0, [CheckLabel("reason", $0.rawValue)]) }
    )

    /// The series of one check. Before the first attempt `health_check_up` is 0 and there is no duration.
    public static func samples(of status: CheckStatus) -> [CheckSample] {
        var samples: [CheckSample] = []
        samples.reserveCapacity(8 + status.lastFailures.count)
        samples.append(CheckSample(up, [], status.lastResult?.isUp == true ? 1 : 0))
        for (state, labels) in stateLabels {
            samples.append(CheckSample(Self.state, labels, status.state == state ? 1 : 0))
        }
        if let result = status.lastResult {
            samples.append(CheckSample(duration, [], result.duration.inSeconds))
        }
        for (reason, time) in status.lastFailures.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            samples.append(CheckSample(lastFailure, reasonLabels[reason] ?? [], Double(time) / 1_000))
        }
        samples.append(CheckSample(attempts, [], Double(status.attempts)))
        samples.append(CheckSample(failures, [], Double(status.failedAttempts)))
        return samples
    }
}
