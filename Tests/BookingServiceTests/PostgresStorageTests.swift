// SPDX-License-Identifier: Apache-2.0

import BookingService
import Foundation
import HTTPTypes
import HealthChecks
import HummingbirdTesting
import PostgresClient
import Synchronization
import TestSupport
import Testing

/// The service over a PostgreSQL server, alone and as two instances that share it.
@Suite(.timeLimit(.minutes(2)), .serialized)
struct PostgresStorageTests {
    private func fixture(_ server: PostgresServer, clock: HealthClock = .system) async throws -> BookingFixture {
        let parameters = try PostgresParameters(dsn: server.url)
        return try await BookingFixture(clock: clock) { $0.storage.postgres = parameters }
    }

    /// Two instances over one server, and a body that speaks with both as the same user.
    private func twoInstances(
        _ body: @escaping @Sendable (_ fixture: BookingFixture, _ ada: [Visitor]) async throws -> Void
    ) async throws {
        let server = try await PostgresServer()
        let (first, second) = (try await fixture(server), try await fixture(server))
        let tokens = [try await first.token(), try await second.token()]
        try await first.application.http.test(.router) { here in
            try await second.application.http.test(.router) { there in
                try await body(
                    first,
                    [Visitor(client: here, token: tokens[0]), Visitor(client: there, token: tokens[1])]
                )
            }
        }
        for fixture in [first, second] {
            #expect(fixture.application.metrics.text.contains("bookings_total{outcome=\"failure\"} 0\n"))
            try await fixture.application.database.close()
        }
        await server.stop()
    }

    /// Everything that a client can ask, and what it was answered, without what differs from run to run.
    private func transcript(_ fixture: BookingFixture) async throws -> [String] {
        let token = try await fixture.token()
        let said = Mutex<[String]>([])
        try await fixture.application.http.test(.router) { client in
            let ada = Visitor(client: client, token: token)
            var bob = ada
            bob.token = try await fixture.token("bob")
            @Sendable func note(_ what: String, _ answer: Answer) {
                said.withLock { $0.append("\(what): \(answer.status.code) \(answer.code ?? "")") }
            }
            let venue = try await ada.makeVenue("Box 1", sport: "boxing")
            _ = try await ada.makeVenue("O'Box ? $1", sport: "judo")
            for query in ["", "?sport=judo", "?location=nowhere", "?sport=boxing&location=any"] {
                let page = try await ada.get(Page<Venue>.self, "/venues\(query)")
                said.withLock { $0.append("venues\(query): \(page.items.map { "\($0.name) of \($0.owner)" })") }
            }
            let slots = try await ada.makeSlots(venue, count: 7)
            note(
                "same slots",
                try await ada.send(.post, "/venues/\(venue.id)/slots", NewSlots(startsAt: slots[0].startsAt))
            )
            note(
                "their slots",
                try await bob.send(.post, "/venues/\(venue.id)/slots", NewSlots(startsAt: slots[0].startsAt))
            )
            note("no venue", try await ada.send(.post, "/venues/x/slots", NewSlots(startsAt: slots[0].startsAt)))
            var query = "limit=3"
            while !query.isEmpty {
                let page = try await ada.get(Page<Slot>.self, "/venues/\(venue.id)/slots?\(query)")
                said.withLock {
                    $0.append("slots: \(page.items.map { "\($0.minutes) \($0.priceCents) \($0.isAvailable)" })")
                }
                query = page.next.map { "limit=3&cursor=\($0)" } ?? ""
            }
            let new = NewBooking(slotId: slots[0].id, email: "ada@example.org")
            let first = try await ada.send(.post, "/bookings", new, key: "k")
            note("book", first)
            note("again", try await ada.send(.post, "/bookings", new, key: "k"))
            note("other", try await ada.send(.post, "/bookings", NewBooking(slotId: slots[1].id), key: "k"))
            note("taken", try await bob.send(.post, "/bookings", new))
            let booking = try Visitor.decode(Booking.self, first, 201)
            note("theirs", try await bob.send(.get, "/bookings/\(booking.id)"))
            let free = try await ada.get(Page<Slot>.self, "/venues/\(venue.id)/slots").items.count
            let all = try await ada.get(Page<Slot>.self, "/venues/\(venue.id)/slots?available=false").items.count
            said.withLock { $0.append("\(free) of \(all) free") }
            note("cancel", try await ada.send(.delete, "/bookings/\(booking.id)"))
            note("cancel twice", try await ada.send(.delete, "/bookings/\(booking.id)"))
            note("book anew", try await bob.send(.post, "/bookings", new))
            let event = try await ada.makeEvent(venue, seats: 5)
            for seats in [3, 3, 2, 1] {
                note(
                    "\(seats) seats",
                    try await ada.send(.post, "/bookings", NewBooking(eventId: event.id, seats: seats))
                )
            }
            let left = try await ada.get(Event.self, "/events/\(event.id)").seatsLeft
            let events = try await ada.get(Page<Event>.self, "/events").items
            said.withLock { $0.append("\(left) left, \(events.map(\.title))") }
            for page in ["limit=1", "limit=100"] {
                let mine = try await ada.get(Page<Booking>.self, "/bookings?\(page)")
                said.withLock {
                    $0.append("\(mine.items.map { "\($0.status) \($0.seats) \($0.email ?? "-")" }) \(mine.next != nil)")
                }
            }
        }
        let database = fixture.application.database
        let waiting = try await database.queueStatistics().jobs
        let jobs = try await database.claimJobs(limit: 10)
        try await database.finish(jobs[0], .delivered, retryAfter: .zero)
        try await database.finish(jobs[1], .deferred, retryAfter: .seconds(60))
        let after = try await database.queueStatistics()
        try await database.prune()
        let (subjects, oldest) = (jobs.map { $0.mail.subject.split(separator: " ").last ?? "" }, after.oldestAge)
        return said.withLock { $0 } + ["\(waiting.sorted { $0.key < $1.key })", "\(subjects)", "\(oldest > .zero)"]
            + ["\(after.jobs.sorted { $0.key < $1.key })"]
    }

    @Test func everythingIsAnsweredAsItIsWithTheFile() async throws {
        let server = try await PostgresServer()
        let ours = try await fixture(server)
        let expected = try await transcript(try await BookingFixture())
        #expect(expected.count > 25)
        #expect(try await transcript(ours) == expected)
        #expect(try await server.execute("SELECT count(*) FROM audit") != "0")
        try await ours.application.database.close()
        await server.stop()
    }

    @Test func twoInstancesSellNothingTwice() async throws {
        try await twoInstances { fixture, ada in
            let venue = try await ada[0].makeVenue()
            for slot in try await ada[0].makeSlots(venue, count: 4) {
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 0..<64 {
                        group.addTask {
                            try await ada[number % 2].send(.post, "/bookings", NewBooking(slotId: slot.id)).status.code
                        }
                    }
                    return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
                }
                #expect(statuses == [201: 1, 409: 63])
            }
            let event = try await ada[1].makeEvent(venue, seats: 40)
            let booked = try await withThrowingTaskGroup(of: Booking?.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        let new = NewBooking(eventId: event.id, seats: number % 3 + 1)
                        let answer = try await ada[number % 2].send(.post, "/bookings", new)
                        guard answer.status != .conflict else { return nil }
                        return try Visitor.decode(Booking.self, answer, 201)
                    }
                }
                return try await group.reduce(into: [Booking]()) { if let booking = $1 { $0.append(booking) } }
            }
            let seats = booked.map(\.seats).reduce(0, +)
            #expect((38...40).contains(seats), "what is left is less than somebody wanted")
            #expect(try await fixture.application.database.event(event.id).seatsLeft == 40 - seats)
            // Each booking is cancelled by both at once, and gives its seats back once.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for booking in booked {
                    for visitor in ada {
                        group.addTask {
                            let answer = try await visitor.send(.delete, "/bookings/\(booking.id)")
                            #expect(answer.status == .ok)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await fixture.application.database.event(event.id).seatsLeft == 40)
        }
    }

    @Test func oneKeyIsOneBookingWhicheverInstanceIsAsked() async throws {
        try await twoInstances { fixture, ada in
            let venue = try await ada[0].makeVenue()
            let event = try await ada[0].makeEvent(venue, seats: 64)
            let slot = try #require(try await ada[0].makeSlots(venue).first)
            for new in [NewBooking(eventId: event.id, seats: 1), NewBooking(slotId: slot.id)] {
                let ids = try await withThrowingTaskGroup(of: String.self) { group in
                    for number in 0..<64 {
                        group.addTask {
                            let key = new.slotId ?? "event"
                            let answer = try await ada[number % 2].send(.post, "/bookings", new, key: key)
                            return try Visitor.decode(Booking.self, answer, 201).id
                        }
                    }
                    return try await group.reduce(into: Set<String>()) { $0.insert($1) }
                }
                #expect(ids.count == 1)
            }
            #expect(try await fixture.application.database.event(event.id).seatsLeft == 63)
        }
    }

    @Test func instancesShareTheOutboxAndTakeOverWhatOneHasLeftBehind() async throws {
        let server = try await PostgresServer()
        let time = HandClock()
        let first = try await fixture(server, clock: time.clock)
        let second = try await fixture(server, clock: time.clock)
        let (here, there) = (first.application.database, second.application.database)
        let venue = try await here.createVenue(NewVenue(name: "Box"), owner: "ada")
        let event = try await here.createEvent(
            NewEvent(venueId: venue.id, title: "x", startsAt: Date(timeIntervalSinceNow: 86_400), seats: 50),
            owner: "ada"
        )
        for number in 0..<20 {
            let new = NewBooking(eventId: event.id, email: "a\(number)@b")
            _ = try await (number % 2 == 0 ? here : there).book(new, user: "ada", key: nil)
        }
        async let some = here.claimJobs(limit: 12)
        async let others = there.claimJobs(limit: 12)
        let taken = try await some + others
        #expect(taken.count == 20 && Set(taken.map(\.id)).count == 20, "no mail twice")
        try await there.releaseAbandonedJobs(isStart: true)
        #expect(try await there.claimJobs(limit: 20).isEmpty, "the other one is at work on them")
        time.advance(seconds: 301)
        try await there.releaseAbandonedJobs(isStart: false)
        let again = try await there.claimJobs(limit: 20)
        #expect(again.count == 20 && again.allSatisfy { $0.attempts == 2 })
        for database in [here, there] { try await database.close() }
        await server.stop()
    }

    @Test func aServerThatRestartsCostsNoRequestAfterwards() async throws {
        let server = try await PostgresServer()
        let ours = try await fixture(server)
        let token = try await ours.token()
        try await ours.application.http.test(.router) { client in
            let ada = Visitor(client: client, token: token)
            // several connections wait in the pool
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 { group.addTask { _ = try await ada.makeVenue() } }
                try await group.waitForAll()
            }
            await server.stop()
            try await server.start()
            for _ in 0..<10 { _ = try await ada.makeVenue() }
        }
        let closed = "circuit_breaker_state{dependency=\"postgres\",state=\"closed\"} 1\n"
        #expect(ours.application.metrics.text.contains(closed))
        try await ours.application.database.close()
        await server.stop()
    }
}
