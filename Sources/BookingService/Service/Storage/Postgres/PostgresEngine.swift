// SPDX-License-Identifier: Apache-2.0

import EventLoop
package import HealthChecks
import NIOPosix
package import PostgresClient
import Synchronization

/// A PostgreSQL server: a pool of connections, one for each transaction that runs.
///
/// Neither the server nor the schema need be there at the start: both are looked for whenever a connection is opened.
package final class PostgresEngine: DatabaseEngine {
    private struct Contents {
        var idle: [PostgresSession] = []
        var requests = 0
        var isPrepared = false
    }

    /// Requests that may wait for each connection; a server that hangs must not collect them without end.
    private static let waitingForEach = 100
    private static let deadline = Duration.seconds(5)
    private static let reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '5s'"
    private static let writing = "BEGIN; SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '3s'"

    package let name = "postgres"
    package let isShared = true
    package let connections: Int
    package let check: any HealthCheck
    private let parameters: PostgresParameters
    private let loop: EventLoop
    private let resolver: LoopBound<NameResolver>
    private let threads: NIOThreadPool
    private let contents = Mutex(Contents())

    /// Connects to nothing yet.
    package init(_ parameters: PostgresParameters, connections: Int, clock: HealthClock) throws {
        var parameters = parameters
        parameters["application_name"] = parameters["application_name"] ?? "booking-service"
        self.parameters = parameters
        self.connections = max(connections, 1)
        loop = try EventLoop(name: "postgres")
        resolver = LoopBound(NameResolver(loop: loop), on: loop)
        threads = NIOThreadPool(numberOfThreads: self.connections)
        threads.start()
        check = PostgresCheck(name: name, loop: loop, resolver: resolver, parameters: parameters, clock: clock)
    }

    package func prepare() async throws { try await read { _ in } }

    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (any DatabaseSession) throws -> Value
    ) async throws -> Value {
        try await onThread { try self.transact(Self.reading, body) }
    }

    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (any DatabaseSession) throws -> Value
    ) async throws -> Value {
        try await onThread { try self.transact(Self.writing, body) }
    }

    package func isFailure(_ error: any Error) -> Bool {
        guard let failure = error as? PostgresFailure else { return false }
        return !(failure.sqlState?.hasPrefix("23") ?? false)  // integrity constraints
    }

    package func close() async throws {
        try await threads.shutdownGracefully()
        loop.stop()
    }

    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        let isCrowded = contents.withLock { contents in
            contents.requests += 1
            return contents.requests > connections * (1 + Self.waitingForEach)
        }
        defer { contents.withLock { $0.requests -= 1 } }
        if isCrowded { throw PostgresFailure(.tooManyConnections, "too many requests wait for a connection") }
        return try await threads.runIfActive(body)
    }

    private func transact<Value>(_ begin: String, _ body: (any DatabaseSession) throws -> Value) throws -> Value {
        let session = try begun(begin)
        do {
            let value = try body(session)
            try session.run("COMMIT")
            contents.withLock { $0.idle.append(session) }
            return value
        } catch {
            do {
                try session.run("ROLLBACK")
                contents.withLock { $0.idle.append(session) }
            } catch {
                session.close()  // whatever was wrong with it: the first error says so
            }
            throw error
        }
    }

    /// A connection on which a transaction has begun. One that has waited may be dead without anybody having noticed; nothing
    /// was asked of it yet, so another takes its place.
    private func begun(_ begin: String) throws -> PostgresSession {
        while let waited = contents.withLock({ $0.idle.popLast() }) {
            do {
                try waited.run(begin)
                return waited
            } catch  where error.reason == .closed || error.reason == .internal || error.reason == .shuttingDown {
                waited.close()
            } catch {
                waited.close()
                throw error
            }
        }
        let session = try PostgresSession(
            loop: loop,
            resolver: resolver,
            parameters: parameters,
            deadline: Self.deadline
        )
        do {
            try prepare(session)
            try session.run(begin)
            return session
        } catch {
            session.close()
            throw error
        }
    }

    /// Brings the schema up to date, once a process; several of them take turns.
    private func prepare(_ session: PostgresSession) throws {
        guard !contents.withLock({ $0.isPrepared }) else { return }
        try session.run(Self.writing)
        try session.lock(PostgresSchema.lockName)
        try session.run(PostgresSchema.ledger)
        let done = Set(try session.rows("SELECT name FROM booking_migrations", []).map { try $0.text("name") })
        for migration in PostgresSchema.migrations where !done.contains(migration.name) {
            try session.run(migration.sql)
            try session.execute(
                "INSERT INTO booking_migrations (name, done_at) VALUES (?, extract(epoch FROM now())::bigint * 1000)",
                [migration.name]
            )
        }
        try session.run("COMMIT")
        contents.withLock { $0.isPrepared = true }
    }
}
