// SPDX-License-Identifier: Apache-2.0

package import HTTPClient

/// What to ask an HTTP server and what to expect of its answer. Its description shows no secret.
package struct HTTPCheckConfiguration: Sendable, CustomStringConvertible {
    package struct HeaderCondition: Sendable {
        package var name: String
        /// An RE2 expression, found anywhere in the value.
        package var pattern: String
        /// What an absent header means.
        package var allowsMissing: Bool

        package init(name: String, pattern: String, allowsMissing: Bool = false) {
            self.name = name
            self.pattern = pattern
            self.allowsMissing = allowsMissing
        }
    }

    package struct JSONCondition: Sendable {
        /// `status`, `checks.database.status`, `items[0].name`.
        package var path: String
        /// The value as text; nil asks only that there is one.
        package var equals: String?

        package init(path: String, equals: String? = nil) {
            self.path = path
            self.equals = equals
        }
    }

    package var url: String
    package var method = "GET"
    package var headers: [(name: String, value: String)] = []
    package var body: String?
    package var authorization: HTTPRequest.Authorization?
    package var unixSocketPath: String?
    package var proxy: String?
    package var tls = TLSOptions()
    package var version = HTTPRequest.Version.http1
    package var addressFamily = HTTPRequest.AddressFamily.any
    package var followsRedirects = false
    /// Empty means 200…299.
    package var status: Set<Int> = []
    package var requiredHeaders: [HeaderCondition] = []
    package var forbiddenHeaders: [HeaderCondition] = []
    /// RE2 expressions of which each must, or must not, be found in the body.
    package var bodyMatches: [String] = []
    package var bodyForbids: [String] = []
    package var jsonConditions: [JSONCondition] = []
    /// Bytes of the body that are read and looked at.
    package var bodyLimit = 1 << 20
    package var requiresTLS = false
    package var forbidsTLS = false
    /// A certificate that expires sooner makes the check degraded (`certificate_expiry`).
    package var certificateWarning: Duration? = .seconds(14 * 86_400)
    /// An answer that takes longer makes the check degraded.
    package var slowAfter: Duration?

    package init(url: String) {
        self.url = url
    }

    package var description: String { "http check" }
}
