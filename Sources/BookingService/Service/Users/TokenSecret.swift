// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The key that tokens are signed with: from the configuration, or a file beside the database that is made when missing.
package struct TokenSecret: Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// Never the secret.
    package var description: String { "TokenSecret(redacted)" }

    package init(configured: String) throws(ConfigurationProblem) {
        guard configured.utf8.count >= 32 else {
            throw ConfigurationProblem("auth.secret has to have at least 32 bytes")
        }
        bytes = Array(configured.utf8)
    }

    /// Reads `booking.secret` in a directory, or creates it, readable by its owner alone.
    package init(directory: String) throws {
        let path = directory + "/booking.secret"
        if let found = FileManager.default.contents(atPath: path) {
            let text = String(decoding: found, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            guard text.utf8.count >= 32 else {
                throw ConfigurationProblem("\(path): expected at least 32 bytes of secret")
            }
            bytes = Array(text.utf8)
            return
        }
        let text = (0..<6).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }.joined(separator: "-")
        let created = FileManager.default.createFile(
            atPath: path,
            contents: Data((text + "\n").utf8),
            attributes: [.posixPermissions: 0o600]
        )
        guard created else { throw ConfigurationProblem("\(path): cannot be written") }
        bytes = Array(text.utf8)
    }
}
