// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Queries that take long end at their deadline, or when nobody waits for them any more, and hold up no other.
@Suite(.serialized, .timeLimit(.minutes(2))) struct LongQueryTests {
    /// A minute's work and more over the range asked for below, a twentieth of a second at one step.
    private static let heavy = "quantile_over_time(0.5,sin(vector(time()*1000))[10m:1ms])"

    private static func range(steps: Int, timeout: String = "60s") -> String {
        let end = 1_700_000_000
        return "query=\(encoded(heavy))&start=\(end - steps)&end=\(end)&step=1&timeout=\(timeout)"
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }

    private static func request(_ form: String, isPost: Bool) -> String {
        guard isPost else { return "GET /api/v1/query_range?\(form) HTTP/1.1\r\nHost: a\r\n\r\n" }
        return "POST /api/v1/query_range HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            + "Content-Length: \(form.utf8.count)\r\n\r\n\(form)"
    }

    private static func sidecar() async throws -> RunningSidecar {
        try await RunningSidecar(configuration: "web: { query_concurrency: 1 }\nself_watch: false\n")
    }

    /// How long a small query waits for the only thread.
    private func wait(_ sidecar: RunningSidecar) async throws -> Duration {
        let begin = ContinuousClock.now
        let answer = try await HTTPGet(sidecar.url + "/api/v1/query_range?query=vector(1)&start=1&end=2&step=1")
        #expect(answer.status == 200)
        return ContinuousClock.now - begin
    }

    @Test(arguments: [false, true]) func `a query whose client hangs up ends`(isPost: Bool) async throws {
        let sidecar = try await Self.sidecar()
        do {
            var connection: RawConnection? = try RawConnection(port: Int(sidecar.port))
            try connection?.send(Self.request(Self.range(steps: 2_000), isPost: isPost))
            // It has the thread: the small one waits until the other has been given up.
            async let waited = wait(sidecar)
            try await Task.sleep(for: .seconds(1))
            connection = nil
            let duration = try await waited
            #expect(duration > .milliseconds(500) && duration < .seconds(5), "\(duration)")
        }
        #expect(try await wait(sidecar) < .seconds(1))
        await sidecar.process.stop(grace: .seconds(20))
    }

    @Test func `a query ends at its deadline, and a long one in time is answered`() async throws {
        let sidecar = try await Self.sidecar()
        let begin = ContinuousClock.now
        let late = try await HTTPGet(
            sidecar.url + "/api/v1/query_range?" + Self.range(steps: 2_000, timeout: "500ms")
        )
        #expect(ContinuousClock.now - begin < .seconds(5))
        #expect(late.status == 503)
        #expect(
            late.text
                == #"{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}"#
        )
        for isPost in [false, true] {
            let connection = try RawConnection(port: Int(sidecar.port), timeout: 30)
            try connection.send(Self.request(Self.range(steps: 20), isPost: isPost))
            let answer = try await connection.read()
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.lowercased().contains("\r\nconnection: close\r\n"))
            #expect(answer.hasSuffix("}") && answer.contains("\"resultType\":\"matrix\""))
            // A short one leaves its connection open for the next.
            let other = try RawConnection(port: Int(sidecar.port))
            for _ in 0..<3 {
                let form = "query=vector(1)&start=1&end=2&step=1"
                try other.send(Self.request(form, isPost: isPost))
                let answer = try await other.read { $0.hasSuffix("}") && $0.contains("\r\n\r\n{") }
                #expect(answer.contains("matrix") && !answer.lowercased().contains("connection: close"))
            }
        }
        await sidecar.process.stop(grace: .seconds(20))
    }
}
