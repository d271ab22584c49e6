// SPDX-License-Identifier: Apache-2.0

import BookingService
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@Suite(.timeLimit(.minutes(1))) struct BookingRoutesTests {
    /// Runs `body` as a signed-in user, over the router without a socket.
    private func asUser(
        _ change: (inout BookingConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (BookingFixture, Visitor) async throws -> Void
    ) async throws {
        let fixture = try await BookingFixture(change)
        let token = try await fixture.token()
        try await fixture.application.http.test(.router) { client in
            try await body(fixture, Visitor(client: client, token: token))
        }
    }

    @Test func aSlotIsListedBookedAndCancelled() async throws {
        try await asUser { _, ada in
            let venue = try await ada.makeVenue()
            let slot = try #require(try await ada.makeSlots(venue).first)
            #expect(try await ada.get(Page<Slot>.self, "/venues/\(venue.id)/slots").items == [slot])

            let response = try await ada.send(.post, "/bookings", NewBooking(slotId: slot.id))
            let booking = try Visitor.decode(Booking.self, response, 201)
            #expect(response.headers[.location] == "/v1/bookings/\(booking.id)")
            #expect(booking.user == "ada" && booking.status == .confirmed && booking.slotId == slot.id)
            #expect(try await ada.get(Page<Slot>.self, "/venues/\(venue.id)/slots").items.isEmpty)
            let all = try await ada.get(Page<Slot>.self, "/venues/\(venue.id)/slots?available=false").items
            #expect(all.map(\.isAvailable) == [false])

            let again = try await ada.send(.post, "/bookings", NewBooking(slotId: slot.id))
            #expect(again.status == .conflict && again.code == "slot_taken")

            let cancelled = try Visitor.decode(Booking.self, await ada.send(.delete, "/bookings/\(booking.id)"), 200)
            #expect(cancelled.status == .cancelled && cancelled.cancelledAt != nil)
            #expect(try await ada.send(.delete, "/bookings/\(booking.id)").status == .ok, "twice is the same as once")
            #expect(try await ada.get(Page<Slot>.self, "/venues/\(venue.id)/slots").items == [slot])
            #expect(try await ada.send(.post, "/bookings", NewBooking(slotId: slot.id)).status == .created)
        }
    }

    @Test func anEventIsNeverOversold() async throws {
        try await asUser { _, ada in
            let event = try await ada.makeEvent(try await ada.makeVenue(), seats: 10)
            let outcomes = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<24 {
                    group.addTask {
                        let new = NewBooking(eventId: event.id, seats: number % 3 + 1)
                        let response = try await ada.send(.post, "/bookings", new)
                        #expect(response.status == .created || response.code == "sold_out")
                        return response.status == .created ? number % 3 + 1 : 0
                    }
                }
                return try await group.reduce(0, +)
            }
            let left = try await ada.get(Event.self, "/events/\(event.id)").seatsLeft
            #expect(outcomes + left == 10 && left >= 0)
            let bookings = try await ada.get(Page<Booking>.self, "/bookings?limit=100").items
            #expect(bookings.map(\.seats).reduce(0, +) == outcomes)
        }
    }

    @Test func anIdempotencyKeyBooksOnce() async throws {
        try await asUser { fixture, ada in
            let slots = try await ada.makeSlots(try await ada.makeVenue(), count: 2)
            let first = try await ada.send(.post, "/bookings", NewBooking(slotId: slots[0].id), key: "k1")
            let second = try await ada.send(.post, "/bookings", NewBooking(slotId: slots[0].id), key: "k1")
            #expect(first.status == .created && second.status == .created)
            #expect(first.body == second.body)
            #expect(second.headers[try #require(HTTPField.Name("Idempotency-Replayed"))] == "true")
            let other = try await ada.send(.post, "/bookings", NewBooking(slotId: slots[1].id), key: "k1")
            #expect(other.code == "idempotency_mismatch")
            var bob = ada
            bob.token = try await fixture.token("bob")
            let theirs = try await bob.send(.post, "/bookings", NewBooking(slotId: slots[1].id), key: "k1")
            #expect(theirs.status == .created, "keys belong to a user")
            let metrics = fixture.application.metrics.text
            #expect(metrics.contains("bookings_total{outcome=\"success\"} 2\n"))
            #expect(metrics.contains("bookings_total{outcome=\"replayed\"} 1\n"))
            #expect(metrics.contains("bookings_total{outcome=\"rejected\"} 1\n"))
        }
    }

    @Test func readingIsOpenAndWritingNeedsAToken() async throws {
        try await asUser { fixture, ada in
            let venue = try await ada.makeVenue()
            let slot = try #require(try await ada.makeSlots(venue).first)
            var nobody = ada
            nobody.token = nil
            #expect(try await nobody.send(.get, "/venues").status == .ok)
            let refused = try await nobody.send(.post, "/bookings", NewBooking(slotId: slot.id))
            #expect(refused.status == .unauthorized && refused.headers[.wwwAuthenticate] == "Bearer")
            var forged = ada
            forged.token = try await TokenAuthority(secret: Array("another secret, long enough for HMAC-SHA256".utf8))
                .token(user: "ada", email: nil, lifetime: .seconds(60), now: Date())
            #expect(try await forged.send(.get, "/venues").status == .unauthorized)
            var late = ada
            late.token = try await fixture.application.authority
                .token(user: "ada", email: nil, lifetime: .seconds(60), now: Date(timeIntervalSinceNow: -3_600))
            #expect(try await late.send(.get, "/bookings").status == .unauthorized)
            var bob = ada
            bob.token = try await fixture.token("bob")
            let booking = try Visitor.decode(
                Booking.self,
                await ada.send(.post, "/bookings", NewBooking(slotId: slot.id)),
                201
            )
            #expect(try await bob.send(.delete, "/bookings/\(booking.id)").status == .notFound)
            let slots = NewSlots(startsAt: Date(timeIntervalSinceNow: 86_400))
            #expect(try await bob.send(.post, "/venues/\(venue.id)/slots", slots).status == .forbidden)
        }
        let open: (inout BookingConfiguration) -> Void = { $0.authentication.isOpen = true }
        try await asUser(open) { _, visitor in
            var guest = visitor
            guest.token = nil
            let venue = try await guest.makeVenue()
            #expect(venue.owner == "guest")
        }
    }

    @Test func listsGoOnWithACursor() async throws {
        try await asUser { _, ada in
            let venue = try await ada.makeVenue()
            let slots = try await ada.makeSlots(venue, count: 23)
            var found: [Slot] = []
            var query = "limit=5"
            var pages = 0
            repeat {
                let page = try await ada.get(Page<Slot>.self, "/venues/\(venue.id)/slots?\(query)")
                found += page.items
                pages += 1
                query = page.next.map { "limit=5&cursor=\($0)" } ?? ""
            } while !query.isEmpty && pages < 10
            #expect(pages == 5 && found == slots)
            for query in ["cursor=!!", "cursor=YWJj", "limit=0", "limit=101", "limit=x", "from=yesterday"] {
                #expect(try await ada.send(.get, "/venues/\(venue.id)/slots?\(query)").code == "invalid", "\(query)")
            }
        }
    }

    @Test(arguments: [
        "{", "{}", "[]", "{\"slotId\":1}", "{\"slotId\":\"a\",\"eventId\":\"b\"}", "{\"eventId\":\"a\",\"seats\":0}",
        "{\"eventId\":\"a\",\"seats\":21}", "{\"slotId\":\"a\",\"seats\":2}", "{\"slotId\":\"a\",\"email\":\"nobody\"}",
        "{\"slotId\":\"a\",\"email\":\"a@b\\r\\nBcc: c@d\"}", "{\"eventId\":\"a\",\"seats\":99999999999999999999}",
    ])
    func wrongBodiesAreRefused(body: String) async throws {
        try await asUser { fixture, ada in
            let headers: HTTPFields = [.authorization: "Bearer \(ada.token ?? "")"]
            let response = try await ada.exchange("/v1/bookings", .post, headers, ByteBuffer(string: body))
            #expect(response.code == "invalid", "\(String(buffer: response.body))")
        }
    }

    @Test func whatIsNotThereIsNotFound() async throws {
        try await asUser { _, ada in
            for path in ["/venues/x", "/venues/x/slots", "/events/x", "/bookings/x", "/nothing"] {
                let response = try await ada.send(.get, path)
                #expect(response.status == .notFound && response.code == "not_found", "\(path)")
            }
            #expect(try await ada.send(.post, "/bookings", NewBooking(slotId: "x")).code == "not_found")
        }
    }

    @Test func aLimitOfBookingsAnHourIsKept() async throws {
        let two: (inout BookingConfiguration) -> Void = { $0.limits.bookingsPerHour = 2 }
        try await asUser(two) { _, ada in
            let slots = try await ada.makeSlots(try await ada.makeVenue(), count: 3)
            for slot in slots.prefix(2) {
                #expect(try await ada.send(.post, "/bookings", NewBooking(slotId: slot.id)).status == .created)
            }
            let refused = try await ada.send(.post, "/bookings", NewBooking(slotId: slots[2].id))
            #expect(refused.status == .tooManyRequests)
            #expect(refused.headers[.retryAfter].flatMap { Int($0) }.map { $0 > 1_700 && $0 <= 1_800 } == true)
        }
    }

    @Test func twoSlotsOfAVenueCannotBeginTogether() async throws {
        try await asUser { _, ada in
            let venue = try await ada.makeVenue()
            let start = Date(timeIntervalSince1970: 4_000_000_000)
            let far = NewSlots(startsAt: start)
            #expect(try await ada.send(.post, "/venues/\(venue.id)/slots", far).code == "invalid", "decades away")
            let soon = NewSlots(startsAt: Date(timeIntervalSinceNow: 86_400))
            #expect(try await ada.send(.post, "/venues/\(venue.id)/slots", soon).status == .created)
            #expect(try await ada.send(.post, "/venues/\(venue.id)/slots", soon).code == "duplicate_slot")
        }
    }
}
