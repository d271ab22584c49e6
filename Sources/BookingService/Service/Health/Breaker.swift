// SPDX-License-Identifier: Apache-2.0

package import HealthChecks
import Logging
import Synchronization

/// A circuit breaker with its lock, its metric and the error it answers with.
package final class Breaker: Sendable {
    private let dependency: String
    private let clock: HealthClock
    private let metrics: BookingMetrics
    private let breaker: Mutex<CircuitBreaker>

    package init(
        dependency: String,
        clock: HealthClock,
        metrics: BookingMetrics,
        breaker: CircuitBreaker = CircuitBreaker()
    ) {
        self.dependency = dependency
        self.clock = clock
        self.metrics = metrics
        self.breaker = Mutex(breaker)
        metrics.setBreaker(dependency, .closed)
    }

    /// Calls the dependency, unless it has failed too often lately.
    ///
    /// - Throws: what the call throws; `unavailable` when it is not made, or has failed in a way that counts.
    package func call<Value: Sendable>(
        isFailure: @Sendable (any Error) -> Bool,
        _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        let allowed = breaker.withLock { $0.allows(at: clock.now().uptime) }
        guard allowed else { throw BookingError.unavailable(dependency) }
        do {
            let value = try await body()
            report { $0.succeeded() }
            return value
        } catch  where isFailure(error) {
            let now = clock.now().uptime
            report { $0.failed(at: now) }
            Logger(label: "booking.breaker").warning(
                "dependency failed",
                metadata: ["dependency": .string(dependency), "error": .string("\(error)")]
            )
            throw BookingError.unavailable(dependency)
        } catch {
            report { $0.succeeded() }
            throw error
        }
    }

    /// The dependency has answered a health check: the next call may find out whether it is back.
    func dependencyAnswered() {
        let now = clock.now().uptime
        report { $0.answered(at: now) }
    }

    private func report(_ change: (inout CircuitBreaker) -> Void) {
        let now = clock.now().uptime
        let state = breaker.withLock { breaker in
            change(&breaker)
            return breaker.state(at: now)
        }
        metrics.setBreaker(dependency, state)
    }
}
