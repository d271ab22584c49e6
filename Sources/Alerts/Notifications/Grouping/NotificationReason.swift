// SPDX-License-Identifier: Apache-2.0

/// Why a notification is sent; the raw values are what payloads carry.
package enum NotificationReason: String, Hashable, Sendable, CaseIterable {
    case none
    case first = "first notification"
    case newAlerts = "new alerts added"
    case someResolved = "some alerts resolved"
    case allResolved = "all alerts resolved"
    case repeated = "repeat interval elapsed"
    case unknown
}
