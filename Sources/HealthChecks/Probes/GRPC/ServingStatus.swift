// SPDX-License-Identifier: Apache-2.0

import HealthChecks

/// The answers of gRPC's health protocol, with their numbers in `grpc.health.v1.HealthCheckResponse.ServingStatus`.
enum ServingStatus: UInt8, Sendable {
    case unknown = 0
    case serving = 1
    case notServing = 2
    /// Sent by `Watch` only; `Check` ends with `NOT_FOUND` instead.
    case serviceUnknown = 3
}

/// What the services of gRPC's health protocol mean here.
///
/// The empty name and the names given at creation are readiness; `livez`, `readyz` and `startupz` are what the paths of
/// these names answer; every other name is a check's.
struct ServingStatuses: Sendable {
    private let responder: ProbeResponder
    private let services: [String]

    init(_ responder: ProbeResponder, services: [String]) {
        self.responder = responder
        self.services = services
    }

    /// The status of a service; nil for a name nobody has.
    func status(of service: String) -> ServingStatus? {
        let now = responder.clock.now()
        let snapshot = responder.registry.snapshot
        if service.isEmpty || service == ProbeEndpoint.readyz.rawValue || services.contains(service) {
            return snapshot.readinessFailure(at: now.uptime) == nil ? .serving : .notServing
        }
        if service == ProbeEndpoint.livez.rawValue {
            return responder.livenessFailure(at: now) == nil ? .serving : .notServing
        }
        if service == ProbeEndpoint.startupz.rawValue { return snapshot.isStarted ? .serving : .notServing }
        return snapshot.check(named: service).map { Self.status(of: $0, at: now) }
    }

    /// All services with their statuses; the protocol lets a server answer at most so many.
    var all: [(service: String, status: ServingStatus)] {
        let snapshot = responder.registry.snapshot
        let names = [""] + services + ProbeEndpoint.allCases.filter { $0 != .health }.map(\.rawValue)
        let known = Set(names)
        return (names + snapshot.checks.map(\.name).filter { !known.contains($0) })
            .compactMap { name in status(of: name).map { (name, $0) } }
    }

    private static func status(of check: CheckStatus, at now: HealthTime) -> ServingStatus {
        if let staleAt = check.staleAt, now.uptime >= staleAt { return .unknown }
        return switch check.state {
        case .healthy, .degraded: .serving
        case .unhealthy: .notServing
        case .unknown: .unknown
        }
    }
}
