// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Asks name servers over UDP, and over TCP what does not fit. Blocks, within its deadline: for threads of their own.
///
/// `getaddrinfo` knows no SRV and no MX, and waits as long as it likes.
package struct DNSClient: Sendable {
    private let configuration: DNSConfiguration
    private let random: @Sendable () -> UInt16
    private let now: @Sendable () -> Duration

    /// - Parameters:
    ///   - random: for the numbers of queries, which a forger must not guess.
    ///   - now: a clock that never goes back.
    package init(
        _ configuration: DNSConfiguration,
        random: @escaping @Sendable () -> UInt16 = { UInt16.random(in: .min ... .max) },
        now: @escaping @Sendable () -> Duration = DNSClient.uptime
    ) {
        self.configuration = configuration
        self.random = random
        self.now = now
    }

    /// The machine's monotonic clock.
    package static func uptime() -> Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// The records of a name, by the search list where it has one. Empty when the name has none of that type.
    package func records(
        _ name: String,
        _ type: DNSRecordType,
        within limit: Duration = .seconds(10)
    ) throws(DNSFailure) -> [DNSRecord] {
        let deadline = now() + limit
        var last = DNSFailure.notFound
        for candidate in configuration.candidates(name) {
            do throws(DNSFailure) {
                let found = try ask(candidate, type, deadline)
                if !found.isEmpty { return found }
                last = .notFound
            } catch {
                last = error
                // A server that fails says nothing about the name; only "no such name" leads to the next.
                if error != .notFound { break }
            }
        }
        if last == .notFound { return [] }
        throw last
    }

    private func ask(_ name: String, _ type: DNSRecordType, _ deadline: Duration) throws(DNSFailure) -> [DNSRecord] {
        var last = DNSFailure.timeout
        for _ in 0..<configuration.attempts {
            for server in configuration.servers {
                guard now() < deadline else { throw last }
                let end = min(deadline, now() + configuration.timeout)
                do throws(DNSFailure) {
                    return try ask(server, name, type, end)
                } catch {
                    last = error
                    if error == .notFound || error == .invalidName { throw error }
                }
            }
        }
        throw last
    }

    private func ask(
        _ server: DNSConfiguration.Server,
        _ name: String,
        _ type: DNSRecordType,
        _ deadline: Duration
    ) throws(DNSFailure) -> [DNSRecord] {
        guard let address = NumericAddress(server.address, port: server.port) else { throw .unreachable }
        let id = random()
        let query = try DNSMessage.query(name, type, id: id)
        let datagrams = try DNSSocket(address, isStream: false, deadline: deadline, now: now)
        try datagrams.send(query)
        while true {
            let bytes = try datagrams.receiveDatagram()
            guard let answer = try DNSMessage.answer(bytes, to: name, type, id: id) else { continue }
            if answer.isTruncated { break }
            if let failure = answer.failure { throw failure }
            return answer.records
        }
        let stream = try DNSSocket(address, isStream: true, deadline: deadline, now: now)
        try stream.send([UInt8(query.count >> 8), UInt8(query.count & 0xff)] + query)
        let head = try stream.receive(2)
        let bytes = try stream.receive(Int(head[0]) << 8 | Int(head[1]))
        guard let answer = try DNSMessage.answer(bytes, to: name, type, id: id) else { throw .malformed }
        if let failure = answer.failure { throw failure }
        return answer.records
    }
}
