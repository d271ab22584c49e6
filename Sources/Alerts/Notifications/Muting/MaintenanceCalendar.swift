// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// The maintenance windows as silences. Remembers them until the next one begins or ends, as finding an occurrence takes a
/// walk through the calendar.
struct MaintenanceCalendar {
    private let windows: [MaintenanceWindow]
    private var known: [Silence] = []
    private var valid: Range<Timestamp>?

    init(_ windows: [MaintenanceWindow]) { self.windows = windows }

    /// The present or next occurrence of each window.
    mutating func announced(at now: Timestamp) -> [Silence] {
        guard !windows.isEmpty else { return [] }
        if let valid, valid.contains(now) { return known }
        known = windows.compactMap { $0.silence(from: now) }
        let changes = known.map { now < $0.startsAt ? $0.startsAt : $0.endsAt }
        valid = now..<max(now + .milliseconds(1), changes.min() ?? .distantFuture)
        return known
    }

    func contains(_ id: String) -> Bool { windows.contains { $0.silenceID == id } }
}
