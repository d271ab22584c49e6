// SPDX-License-Identifier: Apache-2.0

import Notifications
package import TimeSeries

extension SidecarConfiguration {
    /// Each maintenance window with its next three occurrences in words, so that a schedule can be checked by eye.
    package func maintenance(from now: Timestamp) -> [(name: String, occurrences: [String])] {
        notifications.maintenance.map { window in
            let occurrences = window.occurrences(from: now, limit: 3).map {
                "\(TimeText.rfc3339($0.lowerBound)) to \(TimeText.rfc3339($0.upperBound))"
            }
            return (window.name, occurrences.isEmpty ? ["over"] : occurrences)
        }
    }
}
