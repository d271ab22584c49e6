// SPDX-License-Identifier: Apache-2.0

import BookingService
import Foundation
import HTTPTypes
import HealthChecks
import Hummingbird
import HummingbirdTesting
import Logging
import Synchronization
import TestSupport

/// The service over a database of its own, and a user's view of it.
struct BookingFixture {
    let directory: TemporaryDirectory
    let application: BookingApplication
    let mail: RecordingMailSink

    init(
        clock: HealthClock = .system,
        _ change: (inout BookingConfiguration) -> Void = { _ in }
    ) async throws {
        directory = try TemporaryDirectory("booking")
        mail = RecordingMailSink()
        var configuration = BookingConfiguration()
        configuration.dataDirectory = directory.path("data")
        configuration.port = 0
        change(&configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        application = try await BookingApplication(
            configuration: configuration,
            clock: clock,
            logger: logger,
            mail: mail
        )
    }

    func token(_ user: String = "ada") async throws -> String {
        try await application.authority.token(user: user, email: nil, lifetime: .seconds(60), now: Date())
    }
}

/// Stands still until it is moved on.
final class HandClock: Sendable {
    private let start = HealthClock.system.now()
    private let passed = Mutex(0)

    var clock: HealthClock {
        HealthClock {
            let seconds = self.passed.withLock { $0 }
            return HealthTime(
                uptime: self.start.uptime + .seconds(seconds),
                unixMilliseconds: self.start.unixMilliseconds + Int64(seconds) * 1_000
            )
        }
    }

    func advance(seconds: Int) { passed.withLock { $0 += seconds } }
}

/// Keeps mails, and answers as told.
final class RecordingMailSink: MailSink {
    private let state = Recorded()

    private actor Recorded {
        var mails: [Mail] = []
        var answers: [MailOutcome] = []

        func take(_ mail: Mail) -> MailOutcome {
            mails.append(mail)
            return answers.isEmpty ? .delivered : answers.removeFirst()
        }

        func answer(_ outcomes: [MailOutcome]) { answers = outcomes }
    }

    func deliver(_ mail: Mail) async -> MailOutcome { await state.take(mail) }

    func answer(_ outcomes: [MailOutcome]) async { await state.answer(outcomes) }

    var mails: [Mail] { get async { await state.mails } }
}

/// What came back.
struct Answer: Sendable {
    var status: HTTPResponse.Status
    var headers: HTTPFields
    var body: ByteBuffer

    /// The code in an error's body.
    var code: String? {
        let json = try? JSONSerialization.jsonObject(with: Data(body.readableBytesView)) as? [String: [String: String]]
        return json?["error"]?["code"]
    }
}

/// Requests as one user, to the router of this process or to a server.
struct Visitor: Sendable {
    struct Failure: Error { var answer: Answer }

    let exchange: @Sendable (String, HTTPRequest.Method, HTTPFields, ByteBuffer?) async throws -> Answer
    var token: String?

    init(client: any TestClientProtocol, token: String?) {
        self.token = token
        exchange = { uri, method, headers, body in
            let response = try await client.executeRequest(uri: uri, method: method, headers: headers, body: body)
            return Answer(status: response.status, headers: response.headers, body: response.body)
        }
    }

    init(client: TestClient, token: String?) {
        self.token = token
        exchange = { uri, method, headers, body in
            let request = TestClient.Request(uri, method: method, headers: headers, body: body)
            let response = try await client.execute(request)
            return Answer(status: response.status, headers: response.headers, body: response.body ?? ByteBuffer())
        }
    }

    func send(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ body: (any Encodable & Sendable)? = nil,
        key: String? = nil
    ) async throws -> Answer {
        var headers: HTTPFields = [:]
        if let token { headers[.authorization] = "Bearer \(token)" }
        if let key, let name = HTTPField.Name("Idempotency-Key") { headers[name] = key }
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        let bytes = try body.map { ByteBuffer(bytes: try encoder.encode($0)) }
        return try await exchange("/v1" + path, method, headers, bytes)
    }

    func get<Value: Decodable>(_ type: Value.Type, _ path: String) async throws -> Value {
        try Self.decode(type, await send(.get, path), 200)
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ answer: Answer, _ status: Int) throws -> Value {
        guard answer.status.code == status else { throw Failure(answer: answer) }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return try decoder.decode(type, from: Data(answer.body.readableBytesView))
    }

    func makeVenue(_ name: String = "Box 1", sport: String? = nil) async throws -> Venue {
        let new = NewVenue(name: name, sport: sport, location: nil)
        return try Self.decode(Venue.self, await send(.post, "/venues", new), 201)
    }

    func makeSlots(_ venue: Venue, count: Int = 1) async throws -> [Slot] {
        let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 / 3_600).rounded(.up) * 3_600 + 7_200)
        let new = NewSlots(startsAt: start, minutes: 30, count: count, priceCents: 900)
        return try Self.decode(Page<Slot>.self, await send(.post, "/venues/\(venue.id)/slots", new), 201).items
    }

    func makeEvent(_ venue: Venue, seats: Int) async throws -> Event {
        let new = NewEvent(
            venueId: venue.id,
            title: "Final",
            startsAt: Date(timeIntervalSinceNow: 86_400),
            seats: seats
        )
        return try Self.decode(Event.self, await send(.post, "/events", new), 201)
    }
}
