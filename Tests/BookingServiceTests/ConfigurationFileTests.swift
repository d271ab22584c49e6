// SPDX-License-Identifier: Apache-2.0

import BookingService
import Foundation
import PostgresClient
import Testing

@Suite struct ConfigurationFileTests {
    private func problems(_ text: String) -> [String] {
        do {
            _ = try ConfigurationFile.parse(
                text,
                name: "booking.yml",
                environment: ["SECRET": "0123456789abcdef0123456789abcdef"]
            )
            return []
        } catch let problems as ConfigurationProblems {
            return problems.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    @Test func everyKeyIsRead() throws {
        let text = """
            listen: "[::1]:9000"
            data_dir: /var/lib/booking
            drain_delay: 500ms
            health: { details: true }
            auth: { open: true, secret: "${env:SECRET}", token_lifetime: 1d }
            storage: { readers: 8, postgres: "postgresql://ada:secret@db.example.org:5433/booking", connections: 20 }
            cache: { capacity: 5, lifetime: 2m }
            mail: { sink: "smtp://mail.example.org:25", from: box@example.org, workers: 2 }
            limits: { bookings_per_hour: 100, streams: 10 }
            """
        let read = try ConfigurationFile.parse(
            text,
            name: "x",
            environment: ["SECRET": "0123456789abcdef0123456789abcdef"]
        )
        #expect(read.host == "::1" && read.port == 9_000 && read.dataDirectory == "/var/lib/booking")
        #expect(read.drainDelay == .milliseconds(500) && read.showsHealthDetails)
        #expect(read.authentication.isOpen && read.authentication.secret == "0123456789abcdef0123456789abcdef")
        #expect(read.authentication.tokenLifetime == .seconds(86_400) && read.storage.readers == 8)
        #expect(read.storage.postgres?.instance == "db.example.org:5433" && read.storage.connections == 20)
        #expect(read.databasePlace == "postgres at db.example.org:5433", "no password")
        #expect(read.cache.capacity == 5 && read.cache.lifetime == .seconds(120))
        #expect(read.mail.sink == .smtp(host: "mail.example.org", port: 25) && read.mail.workers == 2)
        #expect(read.limits.bookingsPerHour == 100 && read.limits.streams == 10)
    }

    @Test func theShippedFileIsValid() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../config/booking.yml"
        )
        #expect(throws: Never.self) { try ConfigurationFile.read(path: path.path) }
    }

    @Test func anEmptyFileIsAllDefaults() throws {
        #expect(problems("").isEmpty && problems("# nothing\n").isEmpty)
    }

    @Test func allProblemsAreReportedWithTheirPlaces() {
        let text = """
            listen: nowhere
            storage:
              readers: 0
              writers: 3
            drain_delay: soon
            auth: { secret: "${env:NOT_SET}" }
            colour: blue
            """
        #expect(
            problems(text) == [
                "booking.yml:1:9: expected an address like 127.0.0.1:8080, got \"nowhere\"",
                "booking.yml:3:12: expected a whole number from 1 to 64",
                "booking.yml:4:3: unknown key writers",
                "booking.yml:5:14: expected a duration like 5s or 30m",
                "booking.yml:6:17: the environment variable NOT_SET is not set",
                "booking.yml:7:1: unknown key colour",
            ]
        )
    }

    @Test(arguments: ["a: [", "- x", "listen: {}", "cache: 5", "x: 1\nx: 2", "\t", "mail: { sink: ftp }"])
    func wrongFilesAreRefused(text: String) {
        let found = problems(text)
        #expect(!found.isEmpty && found.allSatisfy { $0.hasPrefix("booking.yml:") }, "\(found)")
    }
}
