// SPDX-License-Identifier: Apache-2.0

import JSONDocument

/// A refused call: the HTTP status, and a text that the caller may see.
package struct APIError: Error, Hashable, Sendable, CustomStringConvertible {
    package let status: Int
    package let message: String

    package init(_ status: Int, _ message: String) {
        self.status = status
        self.message = message
    }

    package var description: String { message }

    /// The body: a JSON string, as Alertmanager answers.
    package var body: [UInt8] {
        var writer = JSONWriter()
        writer.string(message)
        return writer.bytes
    }
}
