// SPDX-License-Identifier: Apache-2.0

import Foundation
package import Logging
import Synchronization

/// Sends a little traffic to a running service: mostly reading, some booking, a few cancellations.
package struct LoadGenerator: Sendable {
    /// How much, for how long.
    package struct Plan: Sendable {
        /// Requests a second.
        package var rate = 20.0
        /// Nil is until stopped.
        package var duration: Duration?
        /// Connections.
        package var connections = 4
        /// Venues to spread over; made when missing.
        package var venues = 3

        package init() {}
    }

    /// What came back, by status code; 0 is no answer.
    package struct Summary: Sendable {
        package var statuses: [Int: Int] = [:]
    }

    private struct Target: Sendable {
        var venue: String
        var event: String
    }

    private let client: LoadClient
    private let plan: Plan
    private let logger: Logger

    package init(host: String, port: Int, token: String?, plan: Plan, logger: Logger) {
        client = LoadClient(host: host, port: port, token: token)
        self.plan = plan
        self.logger = logger
    }

    /// Sends the traffic; ends after the planned time or when cancelled.
    package func run() async throws -> Summary {
        let targets = try await prepare()
        let clock = ContinuousClock()
        let end = plan.duration.map { clock.now + $0 }
        let pause = Duration.seconds(Double(max(plan.connections, 1)) / max(plan.rate, 0.01))
        return await withTaskGroup(of: Summary.self) { group in
            for connection in 0..<max(plan.connections, 1) {
                group.addTask {
                    await work(targets, number: connection, pause: pause) { end.map { clock.now >= $0 } ?? false }
                }
            }
            return await group.reduce(into: Summary()) { sum, part in
                sum.statuses.merge(part.statuses, uniquingKeysWith: +)
            }
        }
    }

    private func work(
        _ targets: [Target],
        number: Int,
        pause: Duration,
        isOver: @Sendable () -> Bool
    ) async -> Summary {
        var summary = Summary()
        let start = pause * Double(number) / Double(max(plan.connections, 1))
        try? await Task.sleep(for: start)  // throws when cancelled; the loop looks at that
        while !Task.isCancelled, !isOver() {
            do {
                try await client.connected { connection in
                    var mine: [String] = []
                    while !Task.isCancelled, !isOver() {
                        guard let target = targets.randomElement() else { return }
                        for status in try await step(&connection, target, &mine) {
                            summary.statuses[status, default: 0] += 1
                        }
                        try await Task.sleep(for: pause)
                    }
                }
            } catch is CancellationError {
                break
            } catch {
                summary.statuses[0, default: 0] += 1
                try? await Task.sleep(for: .seconds(1))  // as above
            }
        }
        return summary
    }

    /// One or two requests of a visitor. Reading prevails, so that the caches do their work.
    private func step(
        _ connection: inout LoadConnection,
        _ target: Target,
        _ mine: inout [String]
    ) async throws -> [Int] {
        switch Int.random(in: 0..<1_000) {
        case ..<300:
            return [try await connection.send("GET", "/v1/venues/\(target.venue)").status]
        case ..<400:
            return [try await connection.send("GET", "/v1/venues?limit=20").status]
        case ..<550:
            return [try await connection.send("GET", "/v1/events/\(target.event)").status]
        case ..<994:
            return try await bookSlot(&connection, target, &mine)
        case ..<997:
            return [try await book(NewBooking(eventId: target.event, seats: 1), &connection, &mine)]
        default:
            guard let booking = mine.popLast() else { return [] }
            return [try await connection.send("DELETE", "/v1/bookings/\(booking)").status]
        }
    }

    private func bookSlot(
        _ connection: inout LoadConnection,
        _ target: Target,
        _ mine: inout [String]
    ) async throws -> [Int] {
        let list = try await connection.send("GET", "/v1/venues/\(target.venue)/slots?limit=20")
        guard list.status == 200, Int.random(in: 0..<50) == 0 else { return [list.status] }
        guard let slot = try list.decode(Page<Slot>.self).items.randomElement() else {
            return [
                list.status, try await addSlots(&connection, venue: target.venue, fromDay: Int.random(in: 8..<360)),
            ]
        }
        let email = "visitor\(Int.random(in: 1...999))@example.org"
        return [list.status, try await book(NewBooking(slotId: slot.id, email: email), &connection, &mine)]
    }

    private func book(
        _ new: NewBooking,
        _ connection: inout LoadConnection,
        _ mine: inout [String]
    ) async throws -> Int {
        let key = String(UInt64.random(in: .min ... .max), radix: 16)
        let reply = try await connection.send(
            "POST",
            "/v1/bookings",
            body: try Answers.encode(new),
            idempotencyKey: key
        )
        if reply.status == 201 {
            mine.append(try reply.decode(Booking.self).id)
            if mine.count > 100 { mine.removeFirst() }
        }
        return reply.status
    }

    /// Finds our venues, or makes them with slots and an event each. Waits for a service that still starts.
    private func prepare() async throws -> [Target] {
        var attempt = 0
        while true {
            do {
                return try await client.connected { try await targets(&$0) }
            } catch  where attempt < 20 && !(error is CancellationError) && !(error is ConfigurationProblem) {
                attempt += 1
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    private func targets(_ connection: inout LoadConnection) async throws -> [Target] {
        var targets: [Target] = []
        for number in 0..<max(plan.venues, 1) {
            let new = NewVenue(name: "Box \(number + 1)", sport: "squash", location: "Hall \(number % 3 + 1)")
            let made = try await connection.send("POST", "/v1/venues", body: try Answers.encode(new))
            guard made.status == 201 else {
                throw ConfigurationProblem("the service does not let us make a venue: status \(made.status)")
            }
            let venue = try made.decode(Venue.self)
            for day in 1...7 { _ = try await addSlots(&connection, venue: venue.id, fromDay: day) }
            let event = NewEvent(
                venueId: venue.id,
                title: "Open evening",
                startsAt: Date(timeIntervalSinceNow: 30 * 86_400),
                seats: 100_000
            )
            let madeEvent = try await connection.send("POST", "/v1/events", body: try Answers.encode(event))
            targets.append(Target(venue: venue.id, event: try madeEvent.decode(Event.self).id))
        }
        return targets
    }

    private func addSlots(_ connection: inout LoadConnection, venue: String, fromDay day: Int) async throws -> Int {
        let hour = 3_600.0
        let start = (Date().timeIntervalSince1970 / hour).rounded(.up) * hour + Double(day) * 24 * hour
        let new = NewSlots(startsAt: Date(timeIntervalSince1970: start), minutes: 30, count: 48, priceCents: 1_500)
        return try await connection.send("POST", "/v1/venues/\(venue)/slots", body: try Answers.encode(new)).status
    }
}
