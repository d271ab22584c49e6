// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// A place with bookable slots, a "box".
package struct Venue: Codable, Sendable, Equatable {
    package var id: String
    package var name: String
    package var sport: String
    package var location: String
    package var owner: String
    package var createdAt: Date
}

/// A span of time that one person can have.
package struct Slot: Codable, Sendable, Equatable {
    package var id: String
    package var venueId: String
    package var startsAt: Date
    package var minutes: Int
    package var priceCents: Int
    package var isAvailable: Bool
}

/// Something with a number of seats.
package struct Event: Codable, Sendable, Equatable {
    package var id: String
    package var venueId: String
    package var title: String
    package var startsAt: Date
    package var seats: Int
    package var seatsLeft: Int
}

/// A slot, or seats of an event, taken by a user.
package struct Booking: Codable, Sendable, Equatable {
    package enum Status: String, Codable, Sendable { case confirmed, cancelled }

    package var id: String
    package var slotId: String?
    package var eventId: String?
    package var seats: Int
    package var user: String
    package var email: String?
    package var status: Status
    package var createdAt: Date
    package var cancelledAt: Date?
}

/// One page of a list, and the cursor that continues it.
package struct Page<Item: Codable & Sendable>: Codable, Sendable {
    package var items: [Item]
    package var next: String?
}

extension Page: Equatable where Item: Equatable {}

/// Where a list goes on: behind the last item of the previous page, by its sort value and id.
package struct Cursor: Sendable, Equatable {
    package var sortValue: Int64
    package var id: String

    package init(sortValue: Int64, id: String) {
        self.sortValue = sortValue
        self.id = id
    }

    /// Before every item.
    package static let start = Cursor(sortValue: .min, id: "")

    package init?(_ text: String) {
        var padded = text.replacing("-", with: "+").replacing("_", with: "/")
        padded += String(repeating: "=", count: (4 - padded.utf8.count % 4) % 4)
        guard text.utf8.count <= 256, let data = Data(base64Encoded: padded) else { return nil }
        let parts = String(decoding: data, as: UTF8.self).split(separator: ",", maxSplits: 1)
        guard parts.count == 2, let sortValue = Int64(parts[0]) else { return nil }
        self.init(sortValue: sortValue, id: String(parts[1]))
    }

    package var text: String {
        Data("\(sortValue),\(id)".utf8).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
