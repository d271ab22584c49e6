// SPDX-License-Identifier: Apache-2.0

import Exposition
import HealthChecks
package import SidecarMetrics

/// The series of the business and of what it stands on. Every series is there from the start, with the value zero.
package final class BookingMetrics: Sendable {
    /// Kinds of open streams: the label `kind`.
    package enum Stream: String, LabelEnum {
        package static let labelName = "kind"
        case availability
    }

    /// Queues: the label `queue`.
    enum Queue: String, LabelEnum {
        static let labelName = "queue"
        case email
    }

    struct Jobs: LabelSet, CaseIterable {
        static let labelNames = ["queue", "state"]
        static let allCases = BookingDatabase.states.map { Jobs(queue: .email, state: $0) }
        var queue: Queue
        var state: String

        func encode(to values: inout some LabelEncoder) {
            values.append(queue)
            values.append(state)
        }
    }

    struct Circuit: LabelSet {
        static let labelNames = ["dependency", "state"]
        var dependency: String
        var state: String

        func encode(to values: inout some LabelEncoder) {
            values.append(dependency)
            values.append(state)
        }
    }

    package let registry: MetricsRegistry
    private let bookings: Family<BookingOutcome, Counter>
    private let mails: Family<MailOutcome, Counter>
    private let hits: Family<Cache.Name, Counter>
    private let misses: Family<Cache.Name, Counter>
    private let errors: Family<Cache.Name, Counter>
    private let poolInUse: Gauge
    private let poolIdle: Gauge
    private let poolMax: Gauge
    private let jobs: Family<Jobs, Gauge>
    private let oldestJob: Family<Queue, Gauge>
    private let workers: Family<Queue, Gauge>
    private let streams: Family<Stream, Gauge>
    private let droppedEntries: Family<Stream, Counter>
    private let circuits: Family<Circuit, Gauge>

    package init(registry: MetricsRegistry = MetricsRegistry()) {
        self.registry = registry
        bookings = registry.counter(
            "bookings_total",
            help: "Requests to book or cancel, by how they ended.",
            labels: BookingOutcome.self
        )
        mails = registry.counter(
            "mail_deliveries_total",
            help: "Attempts to hand a mail to the mail server, by how they ended.",
            labels: MailOutcome.self
        )
        hits = registry.counter("cache_hits_total", help: "Answers found in the cache.", labels: Cache.Name.self)
        misses = registry.counter("cache_misses_total", help: "Answers not in the cache.", labels: Cache.Name.self)
        errors = registry.counter("cache_errors_total", help: "Failures of the cache.", labels: Cache.Name.self)
        poolInUse = registry.gauge("db_pool_connections_in_use", help: "Database connections in use.")
        poolIdle = registry.gauge("db_pool_connections_idle", help: "Database connections not in use.")
        poolMax = registry.gauge("db_pool_connections_max", help: "Most database connections.")
        jobs = registry.gauge("queue_jobs", help: "Jobs of a queue, by state.", labels: Jobs.self)
        oldestJob = registry.gauge(
            "queue_oldest_job_age_seconds",
            help: "Age of the oldest unfinished job.",
            labels: Queue.self
        )
        workers = registry.gauge("queue_workers", help: "Jobs that can be worked on at once.", labels: Queue.self)
        streams = registry.gauge("streams_open", help: "Open live streams.", labels: Stream.self)
        droppedEntries = registry.counter(
            "stream_entries_dropped_total",
            help: "Entries that slow readers of live streams have missed.",
            labels: Stream.self
        )
        circuits = registry.gauge(
            "circuit_breaker_state",
            help: "1 for the state that the circuit breaker of a dependency is in.",
            labels: Circuit.self
        )
    }

    /// All series, as Prometheus reads them.
    package var text: String { String(decoding: registry.render(.text), as: UTF8.self) }

    package func booking(_ outcome: BookingOutcome) { bookings.increment(outcome) }

    package func mail(_ outcome: MailOutcome) { mails.increment(outcome) }

    func cacheHit(_ cache: Cache.Name) { hits.increment(cache) }

    func cacheMiss(_ cache: Cache.Name) { misses.increment(cache) }

    func cacheError(_ cache: Cache.Name) { errors.increment(cache) }

    func streams(_ kind: Stream, opened: Int) { streams.increment(kind, by: Double(opened)) }

    func streamEntryDropped() { droppedEntries.increment(.availability) }

    func setPool(size: Int) {
        poolMax.set(size)
        poolIdle.set(size)
        poolInUse.set(0)
    }

    func whileUsingConnection<Value>(_ body: () throws -> Value) rethrows -> Value {
        poolInUse.increment()
        poolIdle.decrement()
        defer {
            poolInUse.decrement()
            poolIdle.increment()
        }
        return try body()
    }

    func setQueue(_ statistics: QueueStatistics = QueueStatistics(), workers: Int) {
        for (state, count) in statistics.jobs { jobs.set(Double(count), Jobs(queue: .email, state: state)) }
        oldestJob.set(statistics.oldestAge / .seconds(1), .email)
        self.workers.set(Double(workers), .email)
    }

    func setBreaker(_ dependency: String, _ state: CircuitBreaker.State) {
        for other in CircuitBreaker.State.allCases {
            circuits.set(other == state ? 1 : 0, Circuit(dependency: dependency, state: other.rawValue))
        }
    }

    /// Counts a request to book or cancel that ends with an error.
    func countingFailures<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch {
            booking(Self.outcome(of: error))
            throw error
        }
    }

    private static func outcome(of error: any Error) -> BookingOutcome {
        switch error {
        case BookingError.slotTaken, BookingError.soldOut: .conflict
        case BookingError.unavailable: .failed
        case is BookingError, is DecodingError: .rejected
        default: .failed
        }
    }
}
