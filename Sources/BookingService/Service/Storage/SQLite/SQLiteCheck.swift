// SPDX-License-Identifier: Apache-2.0

import GRDB
import HealthChecks

/// Asks whether the service's own file can be read, and whether it is still where it belongs.
struct SQLiteCheck: HealthCheck {
    let name: String
    let kind = "sqlite"
    var instance: String { engine.path }
    private let engine: SQLiteEngine
    private let clock: HealthClock

    init(_ engine: SQLiteEngine, clock: HealthClock) {
        name = engine.name
        self.engine = engine
        self.clock = clock
    }

    func check(deadline: Duration) async -> CheckResult {
        let start = clock.now().uptime
        guard engine.isInPlace else {
            return .down(.missing, "the file was taken away or replaced", duration: clock.now().uptime - start)
        }
        do {
            _ = try await engine.read { try $0.rows("SELECT count(*) AS tables FROM sqlite_schema", []) }
            return .up(duration: clock.now().uptime - start)
        } catch {
            let duration = clock.now().uptime - start
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
