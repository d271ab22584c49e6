// SPDX-License-Identifier: Apache-2.0

import DNSClient
import Glibc
import TestSupport
import Testing

/// Against a real name server, dnsmasq.
@Suite(.serialized, .timeLimit(.minutes(1))) struct DNSClientTests {
    private func client(_ server: DNSServer, attempts: Int = 2) -> DNSClient {
        var configuration = DNSConfiguration()
        configuration.servers = [.init(address: "127.0.0.1", port: server.port)]
        configuration.timeout = .milliseconds(300)
        configuration.attempts = attempts
        return DNSClient(configuration)
    }

    @Test func `records of all four types are read`() async throws {
        let server = try await DNSServer([
            "--host-record=a.example,10.1.2.3,2001:db8::5", "--mx-host=a.example,mx.example,10",
            "--srv-host=_m._tcp.example,h1.example,9100,1,2", "--srv-host=_m._tcp.example,h2.example,9200,1,3",
            "--cname=alias.example,a.example",
        ])
        let client = client(server)
        #expect(try client.records("a.example", .a) == [.address("10.1.2.3")])
        #expect(try client.records("alias.example", .a) == [.address("10.1.2.3")])
        #expect(try client.records("A.Example.", .aaaa) == [.address("2001:db8::5")])
        #expect(try client.records("a.example", .mx) == [.mailExchange(preference: 10, host: "mx.example.")])
        #expect(
            Set(try client.records("_m._tcp.example", .srv)) == [
                .service(priority: 1, weight: 2, port: 9100, host: "h1.example."),
                .service(priority: 1, weight: 3, port: 9200, host: "h2.example."),
            ]
        )
        #expect(try client.records("a.example", .srv).isEmpty, "there is none of that type")
        #expect(throws: DNSFailure.invalidName) { try client.records("a..b", .a) }
        #expect(throws: DNSFailure.invalidName) { try client.records(String(repeating: "x", count: 64), .a) }
    }

    @Test func `what does not fit a datagram comes over TCP`() async throws {
        let many = (1...100).map { "--srv-host=_many._tcp.example,host-number-\($0).example,\(9_000 + $0),1,1" }
        let server = try await DNSServer(many)
        #expect(try client(server).records("_many._tcp.example", .srv).count == 100)
    }

    @Test func `a silent server costs no more than the deadline, a stopped one is known at once`() async throws {
        let server = try await DNSServer(["--host-record=a.example,10.1.2.3"])
        server.process.send(SIGSTOP)
        let client = client(server)
        let start = ContinuousClock.now
        #expect(throws: DNSFailure.timeout) { try client.records("a.example", .a, within: .milliseconds(500)) }
        let took = start.duration(to: .now)
        #expect(took >= .milliseconds(450) && took < .milliseconds(1_500), "\(took)")
        server.process.send(SIGCONT)
        await server.process.stop(SIGKILL)
        #expect(throws: DNSFailure.unreachable) { try client.records("a.example", .a, within: .seconds(2)) }
    }

    @Test func `answers that were cut, changed or forged are never believed and never stop the process`() throws {
        let query = try DNSMessage.query("a.example", .srv, id: 7)
        var answer = query
        answer[2] = 0x81
        answer[3] = 0x80
        answer[7] = 1
        answer += [0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 9, 0, 1, 0, 2, 0x23, 0x8c, 1, 0x78, 0]
        let whole = try DNSMessage.answer(answer, to: "a.example", .srv, id: 7)
        #expect(whole?.records == [.service(priority: 1, weight: 2, port: 9_100, host: "x.")])
        #expect(try DNSMessage.answer(answer, to: "a.example", .srv, id: 8) == nil)
        #expect(try DNSMessage.answer(answer, to: "b.example", .srv, id: 7) == nil)
        #expect(try DNSMessage.answer(answer, to: "a.example", .a, id: 7) == nil)
        for length in 0..<answer.count {
            let cut = try? DNSMessage.answer(Array(answer.prefix(length)), to: "a.example", .srv, id: 7)
            #expect((cut ?? nil)?.records.isEmpty ?? true, "\(length)")
        }
        var random = SeededGenerator(seed: 11)
        for _ in 0..<20_000 {
            var changed = answer
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                changed[Int.random(in: 0..<changed.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? DNSMessage.answer(changed, to: "a.example", .srv, id: 7)
        }
    }
}
