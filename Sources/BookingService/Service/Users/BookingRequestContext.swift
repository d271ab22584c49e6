// SPDX-License-Identifier: Apache-2.0

package import Hummingbird
import NIOCore

/// What a request carries through the middleware.
package struct BookingRequestContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Who asks; nil when nobody said so.
    package var identity: Identity?
    /// The address of the connection's other end.
    package let peer: String

    package init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.channel.remoteAddress?.ipAddress ?? "local"
    }

    /// Bodies are small here.
    package var maxUploadSize: Int { 64 * 1_024 }

    /// Who asks.
    ///
    /// - Throws: `unauthorized` when nobody said so.
    func requireIdentity() throws(BookingError) -> Identity {
        guard let identity else { throw .unauthorized("a token is needed: Authorization: Bearer <token>") }
        return identity
    }
}
