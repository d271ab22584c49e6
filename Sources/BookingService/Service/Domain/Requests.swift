// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// The body of `POST /v1/venues`.
package struct NewVenue: Codable, Sendable {
    package var name: String
    package var sport: String?
    package var location: String?

    package init(name: String, sport: String? = nil, location: String? = nil) {
        self.name = name
        self.sport = sport
        self.location = location
    }

    package func validate() throws(BookingError) {
        try BookingError.check(name, "name", atMost: 200)
        try BookingError.check(sport ?? "any", "sport", atMost: 100)
        try BookingError.check(location ?? "any", "location", atMost: 200)
    }
}

/// The body of `POST /v1/venues/{id}/slots`: a row of slots without gaps.
package struct NewSlots: Codable, Sendable {
    package var startsAt: Date
    package var minutes: Int?
    package var count: Int?
    package var priceCents: Int?

    package init(startsAt: Date, minutes: Int? = nil, count: Int? = nil, priceCents: Int? = nil) {
        self.startsAt = startsAt
        self.minutes = minutes
        self.count = count
        self.priceCents = priceCents
    }

    package var length: Int { minutes ?? 60 }
    package var number: Int { count ?? 1 }

    package func validate(now: Date) throws(BookingError) {
        guard startsAt >= now else { throw .invalid("startsAt is in the past") }
        guard startsAt < now.addingTimeInterval(2 * 366 * 86_400) else { throw .invalid("startsAt is too far away") }
        guard (15...720).contains(length) else { throw .invalid("minutes has to be 15 to 720") }
        guard (1...500).contains(number) else { throw .invalid("count has to be 1 to 500") }
        guard (0...10_000_000).contains(priceCents ?? 0) else { throw .invalid("priceCents is out of range") }
    }
}

/// The body of `POST /v1/events`.
package struct NewEvent: Codable, Sendable {
    package var venueId: String
    package var title: String
    package var startsAt: Date
    package var seats: Int

    package init(venueId: String, title: String, startsAt: Date, seats: Int) {
        self.venueId = venueId
        self.title = title
        self.startsAt = startsAt
        self.seats = seats
    }

    package func validate(now: Date) throws(BookingError) {
        try BookingError.check(title, "title", atMost: 200)
        guard startsAt >= now else { throw .invalid("startsAt is in the past") }
        guard (1...1_000_000).contains(seats) else { throw .invalid("seats has to be 1 to 1000000") }
    }
}

/// The body of `POST /v1/bookings`: either a slot, or seats of an event.
package struct NewBooking: Codable, Sendable {
    package var slotId: String?
    package var eventId: String?
    package var seats: Int?
    package var email: String?

    package init(slotId: String? = nil, eventId: String? = nil, seats: Int? = nil, email: String? = nil) {
        self.slotId = slotId
        self.eventId = eventId
        self.seats = seats
        self.email = email
    }

    package func validate() throws(BookingError) {
        guard (slotId == nil) != (eventId == nil) else { throw .invalid("give either slotId or eventId") }
        guard (1...20).contains(seats ?? 1) else { throw .invalid("seats has to be 1 to 20") }
        if slotId != nil, (seats ?? 1) != 1 { throw .invalid("a slot has one seat") }
        guard let email else { return }
        let parts = email.split(separator: "@", omittingEmptySubsequences: false)
        let isPlain = email.utf8.allSatisfy {
            $0 > 32 && $0 != 127 && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">")
        }
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }), email.utf8.count <= 254, isPlain else {
            throw .invalid("email is not an address")
        }
    }
}
