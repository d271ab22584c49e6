// SPDX-License-Identifier: Apache-2.0

/// What one attempt of a check found: the raw answer, before any threshold over several attempts.
public struct CheckResult: Sendable, Hashable {
    /// The four things an attempt can say.
    public enum Verdict: String, Sendable, Hashable, CaseIterable {
        /// Works.
        case up
        /// Works, but a limit that warns is exceeded.
        case degraded
        /// Does not work.
        case down
        /// The attempt could not tell; counts neither as success nor as failure.
        case undetermined
    }

    /// What the attempt found.
    public var verdict: Verdict
    /// Why, unless the verdict is `up`.
    public var reason: HealthReason?
    /// A sentence for a person: without credentials, but possibly with names and addresses, so not for the public.
    public var text: String
    /// How long the attempt took.
    public var duration: Duration
    /// Everything measured on the way, also when the verdict is `down`.
    public var samples: [CheckSample]

    /// The value of `health_check_up` and of the exporter's own `…_up`.
    public var isUp: Bool { verdict == .up || verdict == .degraded }

    private init(
        _ verdict: Verdict,
        _ reason: HealthReason?,
        _ text: String,
        _ duration: Duration,
        _ samples: [CheckSample]
    ) {
        self.verdict = verdict
        self.reason = reason
        self.text = text
        self.duration = duration
        self.samples = samples
    }

    /// The dependency works.
    public static func up(duration: Duration, samples: [CheckSample] = []) -> Self {
        Self(.up, nil, "", duration, samples)
    }

    /// The dependency works, with something to look at.
    public static func degraded(
        _ reason: HealthReason,
        _ text: String = "",
        duration: Duration,
        samples: [CheckSample] = []
    ) -> Self {
        Self(.degraded, reason, text, duration, samples)
    }

    /// The dependency does not work.
    public static func down(
        _ reason: HealthReason,
        _ text: String = "",
        duration: Duration,
        samples: [CheckSample] = []
    ) -> Self {
        Self(.down, reason, text, duration, samples)
    }

    /// The attempt could not tell.
    public static func undetermined(
        _ reason: HealthReason,
        _ text: String = "",
        duration: Duration,
        samples: [CheckSample] = []
    ) -> Self {
        Self(.undetermined, reason, text, duration, samples)
    }
}
