// SPDX-License-Identifier: Apache-2.0

import Foundation

extension BookingConfiguration {
    /// The key that this configuration's tokens are signed with; makes the secret's file when it is missing.
    package func tokenSecret() throws -> TokenSecret {
        if let configured = authentication.secret { return try TokenSecret(configured: configured) }
        try FileManager.default.createDirectory(atPath: dataDirectory, withIntermediateDirectories: true)
        return try TokenSecret(directory: dataDirectory)
    }

    /// A token for a user, valid from now on.
    package func token(user: String, email: String?) async throws -> String {
        let authority = await TokenAuthority(secret: try tokenSecret().bytes)
        return try await authority.token(user: user, email: email, lifetime: authentication.tokenLifetime, now: Date())
    }
}
