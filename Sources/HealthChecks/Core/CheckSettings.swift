// SPDX-License-Identifier: Apache-2.0

/// How often a check runs, when it counts as failed, and what follows from that.
public struct CheckSettings: Sendable, Hashable {
    /// What an unhealthy check does to readiness.
    public enum Policy: String, Sendable, Hashable, CaseIterable {
        /// Not ready while it is unhealthy or unknown.
        case critical
        /// Ready all the same; the whole is at most degraded.
        case advisory
    }

    /// Time from one attempt's tick to the next.
    public var interval: Duration
    /// How long an attempt may take.
    public var timeout: Duration
    /// Failures in a row until unhealthy; the first is followed by an immediate second attempt.
    public var fall: Int
    /// Successes in a row until healthy again.
    public var rise: Int
    /// Whether readiness depends on it.
    public var policy: Policy
    /// Names of the checks whose failure explains a failure of this one.
    public var dependsOn: [String]
    /// Age of the last answer from which the state is unknown; nil is three intervals and a timeout.
    public var staleAfter: Duration?

    /// Creates settings; thresholds below one count as one.
    public init(
        interval: Duration = .seconds(2),
        timeout: Duration = .seconds(1),
        fall: Int = 2,
        rise: Int = 2,
        policy: Policy = .critical,
        dependsOn: [String] = [],
        staleAfter: Duration? = nil
    ) {
        self.interval = max(interval, .milliseconds(1))
        self.timeout = max(timeout, .milliseconds(1))
        self.fall = max(fall, 1)
        self.rise = max(rise, 1)
        self.policy = policy
        self.dependsOn = dependsOn
        self.staleAfter = staleAfter
    }

    /// The age that applies.
    public var effectiveStaleAfter: Duration { staleAfter ?? (interval * 3 + timeout) }
}

/// A check as the registry and the scheduler know it: without the code that does it.
public struct CheckDescriptor: Sendable, Hashable {
    /// Unique among the checks of a process.
    public let name: String
    /// `postgres`, `redis`, …
    public let kind: String
    /// The address without credentials.
    public let instance: String
    /// When and how it counts.
    public let settings: CheckSettings

    /// Creates a descriptor.
    public init(name: String, kind: String, instance: String, settings: CheckSettings = CheckSettings()) {
        self.name = name
        self.kind = kind
        self.instance = instance
        self.settings = settings
    }

    /// The descriptor of a check.
    public init(_ check: any HealthCheck, settings: CheckSettings = CheckSettings()) {
        self.init(name: check.name, kind: check.kind, instance: check.instance, settings: settings)
    }
}
