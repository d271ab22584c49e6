// SPDX-License-Identifier: Apache-2.0

import Foundation
import HealthChecks
import HealthProbes
import Testing

@Suite struct ProbeResponderTests {
    @Test(arguments: ["/livez", "/readyz", "/startupz", "/readyz/", "/readyz/database", "/readyz/ping", "/livez/ping"])
    func aPassingProbeIsOk(target: String) throws {
        let answer = try #require(try ProbeFixture().ask(target))
        #expect(answer.status == 200 && answer.body == "ok" && answer.reason == nil)
        #expect(answer.contentType == "text/plain; charset=utf-8")
    }

    @Test(arguments: [
        "/", "/ready", "/readyzz", "/readyz/a/b", "readyz", "", "/health/x", "/READYZ", "//readyz", "/v1/readyz",
    ])
    func otherPathsAreNotOurs(target: String) throws {
        #expect(try ProbeFixture().ask(target) == nil)
    }

    @Test func verboseListsEveryCondition() throws {
        let answer = try #require(try ProbeFixture().ask("/readyz?verbose"))
        #expect(
            answer.body == """
                [+]ping ok
                [+]shutdown ok
                [+]app ok
                [+]database ok
                [+]mail ok
                readyz check passed

                """
        )
    }

    @Test func aFailureIsVerboseAndLeadsWithTheReasonOfTheRoot() throws {
        let fixture = try ProbeFixture()
        fixture.fail("app", .statusCode)
        fixture.fail("database")
        let answer = try #require(fixture.ask("/readyz"))
        #expect(answer.status == 503 && answer.reason == .connectRefused)
        #expect(
            answer.body == """
                connect_refused: app, database
                [+]ping ok
                [+]shutdown ok
                [-]app failed: status_code, because of database
                [-]database failed: connect_refused
                [+]mail ok
                readyz check failed

                """
        )
    }

    @Test func detailsAreShownOnlyWhereAllowedAndOnOneLine() throws {
        let fixture = try ProbeFixture()
        fixture.fail("database")
        for target in ["/readyz", "/readyz/database", "/health", "/readyz?verbose"] {
            let hidden = try #require(fixture.ask(target))
            #expect(!hidden.body.contains("secret") && !hidden.body.contains("10.0.0.5"), "\(target)")
        }
        let shown = try #require(fixture.ask("/readyz", details: true))
        #expect(shown.body.contains("[-]database failed: connect_refused (secret host refused)\n"))
        #expect(try #require(fixture.ask("/health", details: true)).body.contains("10.0.0.5:5432"))
    }

    @Test func exclusions() throws {
        let fixture = try ProbeFixture()
        fixture.fail("database")
        let answer = try #require(fixture.ask("/readyz?exclude=database&exclude=no%22where&verbose"))
        #expect(answer.status == 200)
        #expect(answer.body.contains("[+]database excluded: ok\n"))
        #expect(answer.body.contains("warn: some health checks cannot be excluded: no matches for \"no\"where\"\n"))
        #expect(try #require(fixture.ask("/readyz?exclude=mail")).status == 503)
    }

    @Test func oneCheckAlone() throws {
        let fixture = try ProbeFixture()
        fixture.fail("database")
        let answer = try #require(fixture.ask("/readyz/database"))
        #expect(
            answer.status == 503 && answer.body == "connect_refused: database\n[-]database failed: connect_refused\n"
        )
        #expect(try #require(fixture.ask("/readyz/mail")).status == 200)
        #expect(try #require(fixture.ask("/readyz/nobody")).status == 404)
    }

    @Test func anAdvisoryFailureDegradesAndDoesNotFail() throws {
        let fixture = try ProbeFixture()
        fixture.fail("mail", .timeout)
        #expect(try #require(fixture.ask("/readyz")).body == "ok")
        #expect(try #require(fixture.ask("/readyz?verbose")).body.contains("[+]mail ok, advisory: timeout\n"))
        let health = try #require(fixture.ask("/health"))
        #expect(health.status == 200 && health.body.hasPrefix("{\"status\":\"degraded\""))
    }

    @Test func phases() throws {
        let fixture = try ProbeFixture(checks: false)
        #expect(try #require(fixture.ask("/startupz")).body.hasPrefix("not_started: started\n"))
        #expect(try #require(fixture.ask("/readyz")).reason == .notStarted)
        #expect(try #require(fixture.ask("/livez")).status == 200)
        fixture.registry.setPhase(.serving, at: ProbeFixture.now)
        #expect(try #require(fixture.ask("/readyz")).status == 200)
        fixture.registry.setPhase(.draining, at: ProbeFixture.now)
        let answer = try #require(fixture.ask("/readyz"))
        #expect(answer.status == 503 && answer.body.hasPrefix("draining: shutdown\n"))
        #expect(try #require(fixture.ask("/startupz")).status == 200)
        #expect(try #require(fixture.ask("/livez")).status == 200)
    }

    @Test func aStaleCheckFailsWithoutAnybodyRefreshing() throws {
        let fixture = try ProbeFixture()
        let later = ProbeFixture.now.advanced(by: .seconds(8))
        let responder = ProbeResponder(registry: fixture.registry, clock: HealthClock { later })
        let answer = try #require(responder.answer(method: "GET", target: "/readyz", accept: nil, details: false))
        #expect(answer.status == 503 && answer.reason == .stale)
    }

    @Test func livenessAsksOnlyInternalChecks() throws {
        let fixture = try ProbeFixture()
        for name in ["database", "mail", "app"] { fixture.fail(name) }
        #expect(try #require(fixture.ask("/livez")).status == 200)
        let beat = ProgressBeat(name: "evaluation", limit: .seconds(5), now: ProbeFixture.start)
        fixture.registry.addLiveness(beat)
        let answer = try #require(fixture.ask("/livez"))
        #expect(answer.status == 503 && answer.reason == .stalled)
        #expect(answer.body == "stalled: evaluation\n[+]ping ok\n[-]evaluation failed: stalled\nlivez check failed\n")
        beat.touch(at: ProbeFixture.now)
        #expect(try #require(fixture.ask("/livez")).status == 200)
    }

    @Test func methods() throws {
        let fixture = try ProbeFixture()
        #expect(try #require(fixture.ask("/readyz", method: "POST")).status == 405)
        #expect(try #require(fixture.ask("/readyz", method: "HEAD")).status == 200)
        #expect(try #require(fixture.ask("/", method: "OPTIONS")).status == 200)
        fixture.fail("database")
        #expect(try #require(fixture.ask("*", method: "OPTIONS")).status == 503)
    }

    @Test func theHealthDocument() throws {
        let fixture = try ProbeFixture()
        fixture.fail("database", .tooManyConnections)
        let answer = try #require(fixture.ask("/health"))
        #expect(answer.status == 503 && answer.contentType == "application/json")
        let json = try #require(try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any])
        #expect(json["status"] as? String == "unhealthy")
        #expect(json["timestamp"] as? String == "2026-04-24T03:07:40.000Z")
        #expect(json["uptime"] as? Int == 60 && json["version"] as? String == "1.2.3")
        #expect((json["memory"] as? [String: Int])?["residentBytes"] == 1_000)
        let checks = try #require(json["checks"] as? [String: [String: Any]])
        #expect(checks["database"]?["status"] as? String == "unhealthy")
        #expect(checks["database"]?["reason"] as? String == "too_many_connections")
        #expect(checks["app"]?["responseTime"] as? Double == 1.5)
        #expect(checks.count == 3)
    }

    @Test func theDraftDocument() throws {
        let fixture = try ProbeFixture()
        fixture.fail("mail")
        let accept = "application/health+json, application/json;q=0.5"
        for target in ["/health", "/readyz"] {
            let answer = try #require(fixture.ask(target, accept: accept))
            #expect(answer.status == 200 && answer.contentType == "application/health+json")
            let json = try #require(try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any])
            #expect(json["status"] as? String == "warn" && json["output"] == nil)
            let checks = try #require(json["checks"] as? [String: [[String: Any]]])
            #expect(checks["database:responseTime"]?.first?["componentType"] as? String == "datastore")
            #expect(checks["mail:responseTime"]?.first?["output"] as? String == "connect_refused")
        }
        fixture.fail("database")
        let failing = try #require(fixture.ask("/health", accept: accept))
        #expect(failing.status == 503 && failing.body.contains("\"status\":\"fail\""))
    }

    @Test func documentsAreValidWhateverTheChecksAreCalled() throws {
        let fixture = try ProbeFixture(checks: false)
        let names = ["a\"b", "back\\slash", "line\nfeed", "ünïcode", "\u{1}"]
        try fixture.registry.configure(
            names.map { CheckDescriptor(name: $0, kind: "x", instance: "y") },
            at: ProbeFixture.now
        )
        for accept in ["application/json", "application/health+json"] {
            let answer = try #require(fixture.ask("/health", accept: accept, details: true))
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) }
        }
    }
}
