// SPDX-License-Identifier: Apache-2.0

import BookingService
import Foundation
import HummingbirdTesting
import Testing

@Suite(.timeLimit(.minutes(1))) struct OutboxTests {
    @Test func aBookingSendsAMailAndAFailedOneIsTriedAgain() async throws {
        let time = HandClock()
        let fixture = try await BookingFixture(clock: time.clock)
        let database = fixture.application.database
        let venue = try await database.createVenue(NewVenue(name: "Box"), owner: "ada")
        let slots = try await database.createSlots(
            NewSlots(startsAt: Date(timeIntervalSinceNow: 86_400), count: 3),
            venue: venue.id,
            owner: "ada"
        )
        let first = NewBooking(slotId: slots[0].id, email: "ada@example.org")
        let booking = try await database.book(first, user: "ada", key: nil).booking
        _ = try await database.book(NewBooking(slotId: slots[1].id), user: "ada", key: nil)
        #expect(try await database.queueStatistics().jobs["waiting"] == 1, "no address, no mail")

        await fixture.mail.answer([.deferred])
        #expect(await fixture.application.worker.deliverDue() == 1)
        #expect(try await database.queueStatistics().jobs["waiting"] == 1)
        #expect(await fixture.application.worker.deliverDue() == 0, "not due before a second has passed")
        time.advance(seconds: 1)
        #expect(await fixture.application.worker.deliverDue() == 1)
        let statistics = try await database.queueStatistics()
        #expect(statistics.jobs == ["waiting": 0, "active": 0, "completed": 1, "failed": 0])
        let mails = await fixture.mail.mails
        #expect(mails.count == 2 && mails.allSatisfy { $0.recipient == "ada@example.org" })
        #expect(mails.first?.subject == "Booking \(booking.id) confirmed")

        await fixture.mail.answer([.rejected])
        _ = try await database.cancel(booking.id, user: "ada")
        #expect(await fixture.application.worker.deliverDue() == 1)
        #expect(try await database.queueStatistics().jobs["failed"] == 1)
        let metrics = fixture.application.metrics.text
        #expect(metrics.contains("mail_deliveries_total{outcome=\"success\"} 1\n"))
        #expect(metrics.contains("mail_deliveries_total{outcome=\"deferred\"} 1\n"))
        #expect(metrics.contains("mail_deliveries_total{outcome=\"failure\"} 1\n"))
    }

    @Test func aJobOfACrashedProcessIsTakenUpAgain() async throws {
        let fixture = try await BookingFixture()
        let database = fixture.application.database
        let venue = try await database.createVenue(NewVenue(name: "Box"), owner: "ada")
        let event = NewEvent(venueId: venue.id, title: "x", startsAt: Date(timeIntervalSinceNow: 86_400), seats: 5)
        let made = try await database.createEvent(event, owner: "ada")
        _ = try await database.book(NewBooking(eventId: made.id, email: "a@b"), user: "ada", key: nil)
        #expect(try await database.claimJobs(limit: 5).count == 1)
        #expect(try await database.claimJobs(limit: 5).isEmpty)
        try await database.releaseAbandonedJobs(isStart: true)
        #expect(try await database.claimJobs(limit: 5).map(\.attempts) == [2])
    }
}
