// SPDX-License-Identifier: Apache-2.0

import BookingService
import Foundation
import HTTPTypes
import HummingbirdTesting
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConcurrencyTests {
    @Test func oneOfSixtyFourRequestsForASlotWins() async throws {
        let fixture = try await BookingFixture()
        let owner = try await fixture.token("owner")
        try await fixture.application.http.test(.router) { client in
            let venue = try await Visitor(client: client, token: owner).makeVenue()
            for slot in try await Visitor(client: client, token: owner).makeSlots(venue, count: 5) {
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 0..<64 {
                        group.addTask {
                            let token = try await fixture.token("user\(number)")
                            let visitor = Visitor(client: client, token: token)
                            return try await visitor.send(.post, "/bookings", NewBooking(slotId: slot.id)).status.code
                        }
                    }
                    return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
                }
                #expect(statuses == [201: 1, 409: 63])
            }
        }
        let metrics = fixture.application.metrics.text
        #expect(metrics.contains("bookings_total{outcome=\"conflict\"} 315\n"))
        #expect(metrics.contains("bookings_total{outcome=\"failure\"} 0\n"))
    }

    @Test func sixtyFourRepeatsWithOneKeyAreOneBooking() async throws {
        let fixture = try await BookingFixture()
        let token = try await fixture.token()
        try await fixture.application.http.test(.router) { client in
            let ada = Visitor(client: client, token: token)
            let event = try await ada.makeEvent(try await ada.makeVenue(), seats: 64)
            let ids = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<64 {
                    group.addTask {
                        let new = NewBooking(eventId: event.id, seats: 1)
                        return try Visitor.decode(Booking.self, await ada.send(.post, "/bookings", new, key: "k"), 201)
                            .id
                    }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            #expect(try await ada.get(Event.self, "/events/\(event.id)").seatsLeft == 63)
        }
    }

    @Test func theCacheNeverHidesABookingThatIsDone() async throws {
        let fixture = try await BookingFixture()
        let token = try await fixture.token()
        try await fixture.application.http.test(.router) { client in
            let ada = Visitor(client: client, token: token)
            let venue = try await ada.makeVenue()
            let slots = try await ada.makeSlots(venue, count: 20)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<40 { _ = try await ada.send(.get, "/venues/\(venue.id)/slots?limit=100") }
                    }
                }
                for slot in slots {
                    _ = try await ada.send(.post, "/bookings", NewBooking(slotId: slot.id))
                    let free = try await ada.get(Page<Slot>.self, "/venues/\(venue.id)/slots?limit=100").items
                    #expect(!free.contains { $0.id == slot.id })
                }
                try await group.waitForAll()
            }
        }
    }
}
