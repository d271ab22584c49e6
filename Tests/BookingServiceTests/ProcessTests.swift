// SPDX-License-Identifier: Apache-2.0

import BookingService
import Foundation
import HTTPTypes
import HummingbirdTesting
import TestSupport
import Testing

/// The program itself: its exit codes, its end, and what a crash leaves behind.
@Suite(.timeLimit(.minutes(2)), .serialized)  // two cores: several servers under load at once only slow each other down
struct ProcessTests {
    /// What the clients were told.
    private actor Ledger {
        var bookings: [String: String] = [:]

        func add(_ key: String, _ id: String) { bookings[key] = id }
    }

    private struct Service: Sendable {
        let process: ChildProcess
        let port: Int

        init(data: String, _ arguments: [String] = [], environment: [String: String] = [:]) async throws {
            let running = try ChildProcess(
                ProcessTests.executable,
                ["serve", "--listen", "127.0.0.1:0", "--data-dir", data] + arguments,
                environment: environment
            )
            var port: Int?
            _ = await waitUntil {
                port = running.output.split(separator: "\n").first.flatMap { Int($0.split(separator: ":").last ?? "") }
                return port != nil || !running.isRunning
            }
            guard let port else { throw TestSupportError("the service did not start: \(running.errorOutput)") }
            process = running
            self.port = port
        }

        func get(_ path: String) async throws -> String {
            let connection = try RawConnection(port: port)
            try connection.send("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return try await connection.read()
        }

        func post(_ path: String, _ body: String) async throws -> String {
            let connection = try RawConnection(port: port)
            let head = "POST \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
            try connection.send("\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            return try await connection.read()
        }
    }

    /// The program stands beside the tests.
    private static let executable: String = {
        let tests = URL(fileURLWithPath: CommandLine.arguments.first ?? "").deletingLastPathComponent()
        return tests.appendingPathComponent("booking-service").path
    }()

    private func token(_ data: String, _ user: String) async throws -> String {
        let process = try ChildProcess(Self.executable, ["token", "--data-dir", data, "--user", user])
        #expect(await process.wait() == .code(0))
        return process.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test func aTermSignalDrainsAndEndsWithZero() async throws {
        let directory = try TemporaryDirectory("booking")
        let configuration = try directory.write("drain_delay: 1s\n", to: "booking.yml")
        let service = try await Service(data: directory.path("data"), ["--config", configuration])
        #expect(try await waitUntil { try await service.get("/readyz").hasPrefix("HTTP/1.1 200") })
        service.process.send(SIGTERM)
        let isDraining = try await waitUntil {
            try await service.get("/readyz").contains("X-Health-Reason: draining\r\n")
        }
        #expect(isDraining)
        #expect(try await service.get("/livez").hasPrefix("HTTP/1.1 200"))
        let answer = try await service.get("/v1/venues")
        #expect(answer.hasPrefix("HTTP/1.1 200") && answer.lowercased().contains("\r\nconnection: close\r\n"))
        #expect(await service.process.wait() == .code(0))
    }

    @Test func withoutProbesOrWithASecondSignalItEndsAtOnce() async throws {
        let directory = try TemporaryDirectory("booking")
        let configuration = try directory.write("drain_delay: 60s\n", to: "booking.yml")
        let quiet = try await Service(data: directory.path("a"), ["--config", configuration])
        #expect(await quiet.process.stop(SIGINT) == .code(0))
        let probed = try await Service(data: directory.path("b"), ["--config", configuration])
        #expect(try await waitUntil { try await probed.get("/readyz").hasPrefix("HTTP/1.1 200") })
        probed.process.send(SIGTERM)
        #expect(try await waitUntil { try await probed.get("/readyz").hasPrefix("HTTP/1.1 503") })
        #expect(await probed.process.stop(SIGTERM) == .code(0))
    }

    @Test func aDatabaseThatIsTakenAwayEndsReadinessWithinASecondAndNeverLiveness() async throws {
        let directory = try TemporaryDirectory("booking")
        let data = directory.path("data")
        let service = try await Service(data: data)
        #expect(try await waitUntil { try await service.get("/readyz").hasPrefix("HTTP/1.1 200") })
        try FileManager.default.moveItem(atPath: data + "/booking.db", toPath: data + "/aside.db")
        let gone = ContinuousClock.now
        #expect(try await waitUntil { try await service.get("/readyz").hasPrefix("HTTP/1.1 503") })
        // the check's interval, its second attempt at once, and the question itself
        #expect(ContinuousClock.now - gone < .milliseconds(1_500))
        let answer = try await service.get("/readyz")
        #expect(answer.contains("X-Health-Reason: missing\r\n"), "\(answer)")
        #expect(answer.contains("\r\n\r\nmissing: database\n"), "\(answer)")
        #expect(try await service.get("/livez").hasPrefix("HTTP/1.1 200"))
        try FileManager.default.moveItem(atPath: data + "/aside.db", toPath: data + "/booking.db")
        #expect(try await waitUntil { try await service.get("/readyz").hasPrefix("HTTP/1.1 200") })
        _ = await service.process.stop()
    }

    /// The log names what happened, the metrics count it, liveness knows nothing of it.
    @Test func aDatabaseServerThatRefusesOrHangsEndsReadinessWithItsReasonAndNeverLiveness() async throws {
        let server = try await PostgresServer()
        let directory = try TemporaryDirectory("booking")
        let configuration = try directory.write(
            "health: { details: true }\nauth: { open: true }\nstorage: { postgres: \"${env:BOOKING_DSN}\", connections: 4 }\n",
            to: "booking.yml"
        )
        let dsn = "postgresql://postgres:not-for-logs@127.0.0.1:\(server.port)/postgres"
        let arguments = ["--config", configuration]
        await server.stop()
        // It starts without its server, and waits for it.
        let service = try await Service(data: directory.path("data"), arguments, environment: ["BOOKING_DSN": dsn])
        try await expectReadiness(of: service, toFailWith: "connect_refused", within: .seconds(3))
        try await server.start()
        #expect(try await waitUntil { try await service.get("/readyz").hasPrefix("HTTP/1.1 200") })
        #expect(try await service.post("/v1/venues", "{\"name\":\"Box\"}").hasPrefix("HTTP/1.1 201"))

        await server.stop(SIGKILL)
        // the check's interval, its second attempt at once, and the question itself
        try await expectReadiness(of: service, toFailWith: "connect_refused", within: .milliseconds(1_500))
        let refused = try await service.post("/v1/venues", "{\"name\":\"Box\"}")
        #expect(refused.hasPrefix("HTTP/1.1 503") && refused.contains("\"unavailable\""), "\(refused)")
        #expect(service.process.errorOutput.contains("dependency failed"))
        let isOpen = try await waitUntil {
            _ = try await service.get("/v1/venues?limit=7")
            return try await service.get("/metrics")
                .contains("circuit_breaker_state{dependency=\"postgres\",state=\"open\"} 1\n")
        }
        #expect(isOpen)
        try await server.start()
        #expect(try await waitUntil { try await service.get("/readyz").hasPrefix("HTTP/1.1 200") })
        let isBack = try await waitUntil {
            try await service.post("/v1/venues", "{\"name\":\"Box\"}").hasPrefix("HTTP/1.1 201")
        }
        #expect(isBack, "the breaker lets a request try it again")

        server.suspendAll()
        try await expectReadiness(of: service, toFailWith: "timeout", within: .seconds(10))
        server.resume()
        #expect(try await waitUntil { try await service.get("/readyz").hasPrefix("HTTP/1.1 200") })
        _ = await service.process.stop()
        #expect(!service.process.errorOutput.contains("not-for-logs"))
        await server.stop()
    }

    private func expectReadiness(of service: Service, toFailWith reason: String, within limit: Duration) async throws {
        let start = ContinuousClock.now
        let expected = "\r\n\r\n\(reason): postgres\n"
        #expect(try await waitUntil { try await service.get("/readyz").contains(expected) }, "\(reason)")
        #expect(ContinuousClock.now - start < limit, "\(reason)")
        let answer = try await service.get("/readyz")
        #expect(answer.hasPrefix("HTTP/1.1 503") && answer.contains("X-Health-Reason: \(reason)\r\n"), "\(answer)")
        #expect(try await service.get("/livez").hasPrefix("HTTP/1.1 200"))
    }

    @Test func mistakesAreOneLineEachAndEndWithOne() async throws {
        let directory = try TemporaryDirectory("booking")
        let configuration = try directory.write("listen: 5\ncolour: blue\n", to: "wrong.yml")
        for arguments in [["serve", "--config", configuration], ["serve", "--config", "/nowhere.yml"]] {
            let process = try ChildProcess(Self.executable, arguments, directory: directory.path)
            #expect(await process.wait() == .code(1))
            #expect(process.errorOutput.split(separator: "\n").count == (arguments.last == configuration ? 2 : 1))
        }
        let taken = try await Service(data: directory.path("a"))
        let arguments = ["serve", "--listen", "127.0.0.1:\(taken.port)", "--data-dir", directory.path("b")]
        let second = try ChildProcess(Self.executable, arguments)
        #expect(await second.wait() == .code(1))
        #expect(second.errorOutput.contains("booking-service: "))
    }

    @Test func theLoadCommandFindsEverythingItNeeds() async throws {
        let directory = try TemporaryDirectory("booking")
        let service = try await Service(data: directory.path("data"))
        let load = try ChildProcess(
            Self.executable,
            [
                "load", "--target", "127.0.0.1:\(service.port)", "--data-dir", directory.path("data"), "--rate", "600",
                "--duration", "3",
            ]
        )
        #expect(await load.wait() == .code(0))
        #expect(load.output.hasPrefix("answers by status: 200: "), "\(load.output) \(load.errorOutput)")
        #expect(!load.output.contains("500") && !load.output.contains(" 0: "))
        let metrics = try await service.get("/metrics")
        #expect(metrics.contains("bookings_total{outcome=\"failure\"} 0\n"))
        #expect(!metrics.contains("bookings_total{outcome=\"success\"} 0\n"))
    }

    /// Every booking that was confirmed to a client is there after the crash, once for each key, and none is half there.
    @Test func aKillUnderLoadLosesNothing() async throws {
        let directory = try TemporaryDirectory("booking")
        let data = directory.path("data")
        let confirmed = Ledger()
        var eventId = ""
        for round in 0..<4 {
            let service = try await Service(data: data)
            let token = try await token(data, "ada")
            if eventId.isEmpty {
                eventId = try await connected(service, token) { ada in
                    try await ada.makeEvent(try await ada.makeVenue(), seats: 1_000_000).id
                }
            }
            let event = eventId
            await withTaskGroup(of: Void.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        try? await connected(service, token) { ada in  // ends when the service is killed
                            for number in 0... {
                                let key = "\(round)-\(worker)-\(number)"
                                let new = NewBooking(eventId: event, seats: 1, email: "a@b")
                                let answer = try await ada.send(.post, "/bookings", new, key: key)
                                let id = try Visitor.decode(Booking.self, answer, 201).id
                                await confirmed.add(key, id)
                            }
                        }
                    }
                }
                let before = await confirmed.bookings.count
                _ = await waitUntil { await confirmed.bookings.count >= before + 25 }
                _ = await service.process.stop(SIGKILL)
                await group.waitForAll()
            }
        }
        let ledger = await confirmed.bookings
        #expect(ledger.count >= 100)
        let service = try await Service(data: data)
        let token = try await token(data, "ada")
        let event = eventId
        try await connected(service, token) { ada in
            var stored: [String] = []
            var query = "limit=100"
            while !query.isEmpty {
                let page = try await ada.get(Page<Booking>.self, "/bookings?\(query)")
                stored += page.items.map(\.id)
                query = page.next.map { "limit=100&cursor=\($0)" } ?? ""
            }
            #expect(Set(stored).count == stored.count)
            #expect(Set(ledger.values).isSubset(of: stored))
            let left = try await ada.get(Event.self, "/events/\(event)").seatsLeft
            #expect(1_000_000 - left == stored.count, "seats and bookings agree")
            for (key, id) in ledger.prefix(50) {
                let again = NewBooking(eventId: event, seats: 1, email: "a@b")
                let answer = try await ada.send(.post, "/bookings", again, key: key)
                #expect(try Visitor.decode(Booking.self, answer, 201).id == id)
            }
        }
        _ = await service.process.stop()
    }

    private func connected<Value: Sendable>(
        _ service: Service,
        _ token: String,
        _ body: @escaping @Sendable (Visitor) async throws -> Value
    ) async throws -> Value {
        try await TestClient.withClient(
            host: "127.0.0.1",
            port: service.port,
            configuration: TestClient.Configuration(timeout: .seconds(5))
        ) { client in
            try await body(Visitor(client: client, token: token))
        }
    }
}
