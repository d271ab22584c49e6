// SPDX-License-Identifier: Apache-2.0

import BookingService
import Foundation
import HTTPTypes
import HummingbirdTesting
import TestSupport
import Testing

/// Over real sockets: probes, metrics and streams.
@Suite(.timeLimit(.minutes(1))) struct LiveTests {
    private func get(_ path: String, port: Int) async throws -> String {
        let connection = try RawConnection(port: port)
        try connection.send("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return try await connection.read()
    }

    @Test func probesAndMetricsAreAnswered() async throws {
        let fixture = try await BookingFixture()
        try await fixture.application.http.test(.live) { client in
            let port = try #require(client.port)
            let isReady = try await waitUntil { try await get("/readyz", port: port).hasPrefix("HTTP/1.1 200") }
            #expect(isReady)
            #expect(try await get("/livez?verbose", port: port).contains("[+]event-loops ok\n"))
            #expect(try await get("/readyz?verbose", port: port).contains("[+]database ok\n"))
            let health = try await get("/health", port: port)
            #expect(health.contains("\"status\":\"healthy\"") && !health.contains(fixture.directory.path))
            let metrics = try await get("/metrics", port: port)
            for series in [
                "bookings_total{outcome=\"failure\"} 0", "cache_hits_total{cache=\"slots\"} 0",
                "db_pool_connections_max 5", "queue_jobs{queue=\"email\",state=\"waiting\"} 0",
                "queue_workers{queue=\"email\"} 5", "streams_open{kind=\"availability\"} 0",
                "circuit_breaker_state{dependency=\"database\",state=\"closed\"} 1",
            ] {
                #expect(metrics.contains("\(series)\n"), "\(series)")
            }
        }
    }

    @Test func aStreamTellsOfBookingsAndIsCounted() async throws {
        let fixture = try await BookingFixture()
        let token = try await fixture.token()
        try await fixture.application.http.test(.live) { client in
            let port = try #require(client.port)
            let ada = Visitor(client: client, token: token)
            let venue = try await ada.makeVenue()
            let slot = try #require(try await ada.makeSlots(venue).first)
            do {
                let stream = try RawConnection(port: port)
                try stream.send("GET /v1/venues/\(venue.id)/stream HTTP/1.1\r\nHost: x\r\n\r\n")
                let head = try await stream.read { $0.contains("retry: 2000\n\n") }
                #expect(head.contains("text/event-stream"))
                #expect(try await get("/metrics", port: port).contains("streams_open{kind=\"availability\"} 1\n"))
                #expect(try await ada.send(.post, "/bookings", NewBooking(slotId: slot.id)).status == .created)
                let event = try await stream.read { $0.contains("\n\n") }
                #expect(event.contains("event: availability\n"))
                #expect(event.contains("\"isAvailable\":false") && event.contains(slot.id))
            }
            let isClosed = try await waitUntil {
                try await get("/metrics", port: port).contains("streams_open{kind=\"availability\"} 0\n")
            }
            #expect(isClosed, "a client that goes away is noticed")
        }
    }

    @Test func aSlowReaderLosesEntriesAndIsTold() async throws {
        let metrics = BookingMetrics()
        let hub = AvailabilityHub(limit: 1, metrics: metrics)
        let (id, messages) = try #require(hub.subscribe(venue: "v"))
        #expect(hub.subscribe(venue: "v") == nil, "the limit")
        for number in 0..<100 { hub.publish(AvailabilityChange(venueId: "v", slotId: "\(number)", isAvailable: true)) }
        hub.publish(AvailabilityChange(venueId: "other", slotId: "x", isAvailable: true))
        hub.unsubscribe(id)
        hub.unsubscribe(id)
        var received: [AvailabilityHub.Message] = []
        for await message in messages { received.append(message) }
        #expect(received.count == 64 && received.contains(.resync))
        let text = metrics.text
        #expect(text.contains("streams_open{kind=\"availability\"} 0\n"))
        #expect(!text.contains("stream_entries_dropped_total{kind=\"availability\"} 0\n"))
    }
}
