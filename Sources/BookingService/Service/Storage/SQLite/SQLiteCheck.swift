// SPDX-License-Identifier: Apache-2.0

import GRDB
package import HealthChecks

/// Asks whether the service's own database can be read, and whether its file is still where it belongs.
package struct DatabaseCheck: HealthCheck {
    package let name = "database"
    package let kind = "sqlite"
    package var instance: String { database.path }
    private let database: BookingDatabase

    package init(_ database: BookingDatabase) { self.database = database }

    package func check(deadline: Duration) async -> CheckResult {
        let start = database.clock.now().uptime
        guard database.isInPlace else {
            return .down(
                .missing,
                "the file was taken away or replaced",
                duration: database.clock.now().uptime - start
            )
        }
        do {
            try await database.ping()
            return .up(duration: database.clock.now().uptime - start)
        } catch {
            let duration = database.clock.now().uptime - start
            guard let error = error as? DatabaseError else {
                return .undetermined(.internalError, "\(error)", duration: duration)
            }
            return .down(Self.reason(error), error.message ?? "", duration: duration)
        }
    }

    private static func reason(_ error: DatabaseError) -> HealthReason {
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: .busy
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: .corrupt
        case .SQLITE_FULL: .full
        case .SQLITE_READONLY: .readOnly
        case .SQLITE_CANTOPEN: .missing
        default: .queryFailed
        }
    }
}
