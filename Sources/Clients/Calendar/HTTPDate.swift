// SPDX-License-Identifier: Apache-2.0

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that senders may use (RFC 9110 §5.6.7).
package enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// nil for every other form, and for times that no clock shows.
    package static func unixSeconds(_ text: String) -> Int64? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[0].hasSuffix(","), parts[5] == "GMT",
            let month = months.firstIndex(of: String(parts[2])), parts[1].utf8.count == 2, parts[3].utf8.count == 4
        else { return nil }
        let number = month + 1
        let instant = "\(parts[3])-\(number < 10 ? "0" : "")\(number)-\(parts[1])T\(parts[4])Z"
        return RFC3339.milliseconds(instant).map { $0 / 1_000 }
    }
}
