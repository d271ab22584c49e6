// SPDX-License-Identifier: Apache-2.0

import HealthChecks
package import PostgresClient

/// Everything that can be set. The defaults need no file.
package struct BookingConfiguration: Sendable {
    package struct Authentication: Sendable {
        /// Whether writing is allowed without a token, as the user `guest`.
        package var isOpen = false
        /// The key of the tokens; nil uses `booking.secret` in the data directory.
        package var secret: String?
        package var tokenLifetime = Duration.seconds(12 * 3_600)
    }

    package struct Storage: Sendable {
        /// Connections to the SQLite file that read at once.
        package var readers = 4
        /// The server that keeps the data instead of the file; holds its password.
        package var postgres: PostgresParameters?
        /// Connections to that server.
        package var connections = 10
    }

    package struct CacheSettings: Sendable {
        /// Answers kept; 0 keeps none.
        package var capacity = 10_000
        package var lifetime = Duration.seconds(60)
    }

    package struct MailSettings: Sendable {
        package enum Sink: Sendable, Equatable {
            case log
            case smtp(host: String, port: Int)
        }

        package var sink = Sink.log
        package var from = "booking@localhost"
        package var workers = 5
    }

    package struct Limits: Sendable {
        /// Bookings an hour and user; 0 is without limit.
        package var bookingsPerHour = 0
        /// Open streams.
        package var streams = 1_000
    }

    package var host = "127.0.0.1"
    package var port = 8_080
    package var dataDirectory = "."
    package var drainDelay = Duration.seconds(5)
    package var showsHealthDetails = false
    package var authentication = Authentication()
    package var storage = Storage()
    package var cache = CacheSettings()
    package var mail = MailSettings()
    package var limits = Limits()

    package init() {}

    package var databasePath: String { dataDirectory + "/booking.db" }

    /// What keeps the data: opened when it is a file; a server is connected to when it is used.
    func databaseEngine(clock: HealthClock) throws -> any DatabaseEngine {
        if let postgres = storage.postgres {
            return try PostgresEngine(postgres, connections: storage.connections, clock: clock)
        }
        return try SQLiteEngine(path: databasePath, readers: storage.readers, clock: clock)
    }

    /// Where the data is, without credentials.
    package var databasePlace: String { storage.postgres.map { "postgres at \($0.instance)" } ?? databasePath }

    /// Takes an address from the command line or the file.
    package mutating func listen(on address: String) throws(ConfigurationProblem) {
        guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...]),
            (0...65_535).contains(port), colon > address.startIndex
        else { throw ConfigurationProblem("expected an address like 127.0.0.1:8080, got \"\(address)\"") }
        var host = String(address[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        self.host = host
        self.port = port
    }
}

/// One line about something wrong in the configuration, starting with `file:line:column:` where there is a place.
package struct ConfigurationProblem: Error, Sendable, Equatable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// All the problems found.
package struct ConfigurationProblems: Error, Sendable, CustomStringConvertible {
    package var problems: [ConfigurationProblem]

    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
