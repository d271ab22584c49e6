// SPDX-License-Identifier: Apache-2.0

import Dispatch
import EventLoop
import PostgresClient
import Synchronization

/// One connection, used by one thread at a time, which waits for each answer.
struct PostgresSession: DatabaseSession {
    /// What the thread waits for, handed over by the loop's.
    private final class Answer: Sendable {
        private let batch = Mutex(PostgresBatch())
        private let isThere = DispatchSemaphore(value: 0)

        func give(_ answer: PostgresBatch) {
            batch.withLock { $0 = answer }
            isThere.signal()
        }

        func wait() -> PostgresBatch {
            isThere.wait()
            return batch.withLock { $0 }
        }
    }

    private let connection: LoopBound<PostgresConnection>
    private let deadline: Duration

    /// Logs in.
    ///
    /// - Parameter deadline: for the login and for each statement.
    init(
        loop: EventLoop,
        resolver: LoopBound<NameResolver>,
        parameters: PostgresParameters,
        deadline: Duration
    ) throws(PostgresFailure) {
        self.deadline = deadline
        let made = Mutex<LoopBound<PostgresConnection>?>(nil)
        let login = try Self.waiting(on: loop) { done in
            let connection = PostgresConnection(loop: loop, resolver: resolver.value, parameters: parameters)
            made.withLock { $0 = LoopBound(connection, on: loop) }
            connection.connect(deadline: deadline) { failure in
                var batch = PostgresBatch()
                batch.failure = failure
                done(batch)
            }
        }
        if let failure = login.failure { throw failure }
        guard let connection = made.withLock({ $0 }) else { throw PostgresFailure(.internal, "no connection") }
        self.connection = connection
    }

    let takingUnlocked = " FOR UPDATE SKIP LOCKED"

    func rows(_ sql: String, _ arguments: [any SQLArgument]) throws -> [SQLRow] {
        let result = try ask(sql, arguments)
        return result.rows.map { row in SQLRow(zip(result.columns, row.map(SQLValue.text))) }
    }

    func changes(_ sql: String, _ arguments: [any SQLArgument]) throws -> Int { try ask(sql, arguments).changed }

    func lock(_ name: String) throws {
        _ = try ask("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", [name])
    }

    /// Runs statements without arguments, all in one message.
    func run(_ sql: String) throws(PostgresFailure) {
        let (connection, deadline) = (connection, deadline)
        let batch = try Self.waiting(on: connection.loop) { done in
            connection.value.query(sql, deadline: deadline, completion: done)
        }
        if let failure = batch.failure { throw failure }
    }

    func close() {
        let connection = connection
        connection.loop.execute { connection.value.close() }
    }

    private func ask(_ sql: String, _ arguments: [any SQLArgument]) throws -> PostgresResult {
        let (connection, deadline) = (connection, deadline)
        let parameters = arguments.map { PostgresParameter($0.sqlValue) }
        let numbered = Self.numbered(sql)
        let batch = try Self.waiting(on: connection.loop) { done in
            connection.value.query(numbered, parameters: parameters, deadline: deadline, completion: done)
        }
        if let failure = batch.failure { throw failure.sqlState == "23505" ? UniqueViolation() : failure }
        return batch.results.first ?? PostgresResult()
    }

    /// Does something on the loop's thread that calls back once, and waits for that. Every question has its deadline there.
    private static func waiting(
        on loop: EventLoop,
        _ body: @escaping @Sendable (@escaping @Sendable (PostgresBatch) -> Void) -> Void
    ) throws(PostgresFailure) -> PostgresBatch {
        let answer = Answer()
        guard loop.execute({ body { answer.give($0) } }) else { throw PostgresFailure(.internal, "closed") }
        return answer.wait()
    }

    /// `?` as PostgreSQL writes it: `$1`, `$2` … No statement has one in a text.
    static func numbered(_ sql: String) -> String {
        var result = ""
        var number = 0
        for character in sql {
            if character == "?" {
                number += 1
                result += "$\(number)"
            } else {
                result.append(character)
            }
        }
        return result
    }
}

extension PostgresParameter {
    fileprivate init(_ value: SQLValue) {
        switch value {
        case .integer(let number): self.init(.integer, number.map { String($0) })
        case .text(let text): self.init(.text, text)
        case .flag(let flag): self.init(.boolean, flag ? "t" : "f")
        }
    }
}
