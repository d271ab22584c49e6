// SPDX-License-Identifier: Apache-2.0

/// Why something is not healthy, from a closed list: safe to publish, and a label value of bounded number.
///
/// The free text that explains one case stands in ``CheckResult/text`` and is shown only where details are allowed.
public enum HealthReason: String, Sendable, Hashable, CaseIterable {
    // MARK: Getting there

    /// The name did not resolve.
    case dns
    /// Nobody listens.
    case connectRefused = "connect_refused"
    /// No answer to the connection attempt.
    case connectTimeout = "connect_timeout"
    /// No route to the host or network.
    case unreachable
    /// The peer closed or reset a connection in use.
    case connectionReset = "connection_reset"
    /// The TLS handshake failed or a certificate was not accepted.
    case tls
    /// A certificate has expired or expires within the configured time.
    case certificateExpiry = "certificate_expiry"

    // MARK: Being let in

    /// The credentials were refused.
    case auth
    /// Logged in, but not allowed to do what the check needs.
    case permission
    /// The named database, queue or file does not exist.
    case missing
    /// No free connection slot.
    case tooManyConnections = "too_many_connections"

    // MARK: State of the peer

    /// Starting up, not accepting work yet.
    case startingUp = "starting_up"
    /// Shutting down.
    case shuttingDown = "shutting_down"
    /// Loading its data set.
    case loading
    /// Takes no writes.
    case readOnly = "read_only"
    /// Refuses writes because it cannot persist them.
    case persistenceFailed = "persistence_failed"
    /// Out of memory, or at its configured maximum.
    case outOfMemory = "out_of_memory"
    /// Out of disk space or inodes.
    case full
    /// A lock was not obtained in time.
    case busy
    /// Data or file structure is damaged.
    case corrupt
    /// Cut off from its primary, or without one.
    case primaryDown = "primary_down"
    /// Replication is broken or behind.
    case replication
    /// A cluster lacks slots or members.
    case clusterDown = "cluster_down"

    // MARK: The answer

    /// No answer within the deadline.
    case timeout
    /// Answered, but slower than allowed.
    case slow
    /// An answer that the protocol does not allow.
    case protocolError = "protocol_error"
    /// A status code outside the accepted set.
    case statusCode = "status_code"
    /// The body or a header lacked, or held, the wrong thing.
    case bodyMismatch = "body_mismatch"
    /// More bytes than the limit.
    case tooLarge = "too_large"
    /// More redirects than allowed, or a forbidden one.
    case redirect
    /// The query or command failed.
    case queryFailed = "query_failed"
    /// A measured value is beyond its threshold.
    case threshold
    /// The condition given as an expression holds.
    case expression
    /// An alert that gates readiness is firing.
    case alert
    /// A scrape of the target failed.
    case scrape
    /// A heartbeat did not arrive, or reported failure.
    case heartbeat
    /// A command ended with a failure status.
    case exitStatus = "exit_status"

    // MARK: On our side

    /// Nothing has been learned yet.
    case pending
    /// The last answer is too old.
    case stale
    /// The check cannot run as it is configured.
    case misconfigured
    /// Something it depends on is down.
    case dependency
    /// The circuit breaker is open.
    case circuitOpen = "circuit_open"
    /// A resource of this process ran out: descriptors, memory, queue space.
    case localResource = "local_resource"
    /// A fault of the check itself.
    case internalError = "internal_error"
    /// This process is draining before it stops.
    case draining
    /// The process still starts.
    case notStarted = "not_started"
    /// An internal loop does not make progress.
    case stalled

    /// Whether trying again soon is useless or harmful, because a repeat can lock an account: the first failure counts
    /// as the last one, and the next attempt waits at least half a minute.
    public var forbidsQuickRetry: Bool { self == .auth }
}
