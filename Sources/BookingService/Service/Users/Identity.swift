// SPDX-License-Identifier: Apache-2.0

package import Foundation
import JWTKit

/// Who makes a request.
package struct Identity: Sendable, Equatable {
    package var user: String
    package var email: String?
}

/// The claims of our tokens.
struct BookingClaims: JWTPayload {
    static let issuer = "booking-service"

    var sub: SubjectClaim
    var exp: ExpirationClaim
    var iat: IssuedAtClaim
    var iss: IssuerClaim
    var email: String?

    func verify(using algorithm: some JWTAlgorithm) throws {
        try exp.verifyNotExpired()
        guard iss.value == Self.issuer else {
            throw JWTError.claimVerificationFailure(failedClaim: iss, reason: "issued by somebody else")
        }
        guard !sub.value.isEmpty, sub.value.utf8.count <= 200 else {
            throw JWTError.claimVerificationFailure(failedClaim: sub, reason: "not a user")
        }
    }
}

/// Makes and verifies tokens: JSON Web Tokens signed with HMAC-SHA256.
package struct TokenAuthority: Sendable {
    private let keys: JWTKeyCollection

    package init(secret: [UInt8]) async {
        keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: Data(secret)), digestAlgorithm: .sha256)
    }

    package func token(user: String, email: String?, lifetime: Duration, now: Date) async throws -> String {
        try await keys.sign(
            BookingClaims(
                sub: SubjectClaim(value: user),
                exp: ExpirationClaim(value: now.addingTimeInterval(Double(lifetime.components.seconds))),
                iat: IssuedAtClaim(value: now),
                iss: IssuerClaim(value: BookingClaims.issuer),
                email: email
            )
        )
    }

    /// The identity in a token.
    package func identity(_ token: String) async throws(BookingError) -> Identity {
        do {
            let claims = try await keys.verify(token, as: BookingClaims.self)
            return Identity(user: claims.sub.value, email: claims.email)
        } catch {
            throw .unauthorized("the token is not valid")
        }
    }
}
