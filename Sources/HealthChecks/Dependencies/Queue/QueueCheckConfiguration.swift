// SPDX-License-Identifier: Apache-2.0

package import HTTPClient

/// Where a queue is looked at, and how full or late it may be. Its description shows no credentials.
package struct QueueCheckConfiguration: Sendable, CustomStringConvertible {
    package enum Source: Sendable {
        case redis(RedisQueue)
        case postgres(PostgresQueue)
        case expressions(ExpressionQueue)
    }

    /// Keys of a Redis server; their type, list, set, sorted set, stream, hash or counter, is asked for.
    package struct RedisQueue: Sendable {
        package var url: String
        package var username: String?
        package var password: String?
        package var tls = TLSOptions()
        package var waiting: String
        package var active: String?
        package var delayed: String?
        package var failed: String?
        package var workers: String?
        /// Of a stream: waiting is then what the group has not been given, active what it has not acknowledged.
        package var group: String?
        /// Where the time of a job stands, in Unix seconds or milliseconds: `score` of a sorted set, or a member of a
        /// list's JSON elements. A stream's ids tell it by themselves.
        package var time: String?

        package init(url: String, waiting: String) {
            self.url = url
            self.waiting = waiting
        }
    }

    /// A query that gives one row with any of the columns `waiting`, `active`, `delayed`, `failed`, `oldest_seconds` and
    /// `workers`.
    package struct PostgresQueue: Sendable {
        package var dsn: String
        package var query: String

        package init(dsn: String, query: String) {
            self.dsn = dsn
            self.query = query
        }
    }

    /// Expressions over scraped metrics; the first element of each counts.
    package struct ExpressionQueue: Sendable {
        package var waiting: String?
        package var active: String?
        package var delayed: String?
        package var failed: String?
        package var oldestSeconds: String?
        package var workers: String?

        package init() {}
    }

    /// The label `queue`.
    package var queue: String
    package var source: Source
    package var warningWaiting: Double?
    package var maximumWaiting: Double?
    package var warningAge: Duration?
    package var maximumAge: Duration?
    package var maximumFailed: Double?
    package var minimumWorkers: Double?

    package init(queue: String, source: Source) {
        self.queue = queue
        self.source = source
    }

    package var description: String { "queue check" }
}
