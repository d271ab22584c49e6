// SPDX-License-Identifier: Apache-2.0

package import HTTPClient

/// What to ask a Redis or Valkey server. Its description shows no password.
package struct RedisCheckConfiguration: Sendable, CustomStringConvertible {
    package enum Mode: String, Hashable, Sendable, CaseIterable {
        case standalone, sentinel, cluster
    }

    /// `redis://[user:password@]host[:port][/db]`, `rediss://…` or `unix:/path`.
    package var url: String
    /// Beat those of the URL.
    package var username: String?
    package var password: String?
    package var tls = TLSOptions()
    package var mode = Mode.standalone
    /// The series of INFO beside `redis_up`.
    package var collectsInfo = true
    /// Series of each command and error, and latency percentiles.
    package var collectsCommands = true
    /// Beside the open connection, a new login is tried this often; nil never.
    package var loginInterval: Duration? = .seconds(10)
    package var slowAfter: Duration?
    /// Whether a replica or a server that refuses writes counts as down instead of up.
    package var requiresWritable = false
    /// Written with a lifetime of a minute in each attempt, to see what refuses writes; nil writes nothing.
    package var canaryKey: String?

    package init(url: String) {
        self.url = url
    }

    package var description: String { "redis check" }
}
