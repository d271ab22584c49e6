// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The section `probes` and its mistakes, each told with its place.
@Suite(.timeLimit(.minutes(1)))
struct ProbeConfigurationTests {
    private static let start = """
        scrape_configs: [ { job_name: booking, static_configs: [ { targets: [ "127.0.0.1:1" ] } ] } ]
        health_checks: [ { name: port, tcp: { address: "127.0.0.1:1" } } ]
        probes:

        """

    @Test(arguments: [
        ("  details: sometimes", 4, "details"), ("  detail: never", 4, "detail"),
        ("  targets: [ { job: bokking } ]", 4, "booking"),
        ("  targets: [ { job: booking, name: port } ]", 4, "\"port\" is used twice"),
        ("  targets: [ { job: booking, fall: 0 } ]", 4, "fall"), ("  targets: [ {} ]", 4, "job is required"),
        ("  alerts: [ { name: a } ]", 4, "matchers is required"),
        ("  alerts: [ { name: a, matchers: [ 'b=~\"(\"' ] } ]", 4, "matchers"),
        ("  load: rate(x", 4, "load"), ("  load: 'x[1m]'", 4, "instant vector"),
        ("  allowed_targets: [ everybody ]", 4, "HOST:PORT"), ("  allowed_targets: [ '*:*' ]", 4, "HOST:PORT"),
        ("  modules: { a: { redis: {} } }", 4, "redis"), ("  modules: { a: { http: { url: x } } }", 4, "url"),
    ])
    func `a mistake is told with its place`(section: String, line: Int, words: String) async throws {
        let directory = try TemporaryDirectory("probes")
        let path = try directory.write(Self.start + section + "\n", to: "sidecar.yml")
        let result = try await ChildProcess.run(Programs.sidecar, ["check", "config", path])
        let said = result.output + result.error
        #expect(result.exit == .code(1), "\(said)")
        #expect(said.contains("sidecar.yml:\(line):") && said.contains(words), "\(said)")
    }

    @Test func `everything at once is taken`() async throws {
        let directory = try TemporaryDirectory("probes")
        let section = """
              details: always
              load: sum(up) / 2
              targets: [ { job: booking, instance: "127.0.0.1:1", policy: advisory, fall: 1, rise: 3, depends_on: port } ]
              alerts: [ { name: paging, matchers: 'severity="page"', policy: advisory } ]
              allowed_targets: [ "127.0.0.1:*", "*.example.org:443", "[::1]:80" ]
              modules: { web: { http: { status: 200 }, timeout: 2s }, port: { tcp: {} } }

            """
        let path = try directory.write(Self.start + section, to: "sidecar.yml")
        let result = try await ChildProcess.run(Programs.sidecar, ["check", "config", path])
        #expect(result.exit == .code(0), "\(result.output)\(result.error)")
    }
}
