// SPDX-License-Identifier: Apache-2.0

/// Something that asks one dependency how it is.
///
/// A check is asked again and again, never twice at the same time, and must answer within its deadline; an attempt that
/// does not is recorded as `timeout` and no other is started until it returns. It may keep a connection between
/// attempts, at most one.
///
/// ```swift
/// struct DiskSpace: HealthCheck {
///     let name = "disk", kind = "disk", instance = "/var/lib/booking"
///     func check(deadline: Duration) async -> CheckResult { .up(duration: .zero) }
/// }
/// ```
public protocol HealthCheck: Sendable {
    /// Unique among the checks of a process; the label `check`.
    var name: String { get }
    /// `postgres`, `redis`, `http`, …; the label `job`.
    var kind: String { get }
    /// The address without credentials; the label `instance`.
    var instance: String { get }

    /// Makes one attempt.
    ///
    /// - Parameter deadline: how long the attempt may take, from now on.
    func check(deadline: Duration) async -> CheckResult
}

/// A check that runs on a callback loop: no task is made for an attempt.
public protocol CallbackHealthCheck: HealthCheck {
    /// Starts one attempt and returns at once.
    ///
    /// - Parameters:
    ///   - deadline: how long the attempt may take, from now on.
    ///   - completion: called exactly once, on any thread.
    func begin(deadline: Duration, completion: @escaping @Sendable (CheckResult) -> Void)
}

extension CallbackHealthCheck {
    /// Makes one attempt, waiting for the callback.
    public func check(deadline: Duration) async -> CheckResult {
        await withCheckedContinuation { continuation in
            begin(deadline: deadline) { continuation.resume(returning: $0) }
        }
    }
}

/// A question about this process itself: "am I wedged?".
///
/// Liveness restarts the process when it fails, so it must never ask a dependency. This is a type of its own, and it is
/// synchronous, so that a ``HealthCheck`` cannot be wired into liveness by mistake.
public protocol LivenessCheck: Sendable {
    /// The name shown by `/livez?verbose`.
    var name: String { get }

    /// Returns nil when all is well. Must not block: it reads a flag or a time that a loop has touched.
    func failure(at now: HealthTime) -> HealthReason?
}
