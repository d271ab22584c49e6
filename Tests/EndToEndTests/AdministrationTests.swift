// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Who may change something, and where.
@Suite(.timeLimit(.minutes(1)))
struct AdministrationTests {
    private static let silence = """
        {"matchers": [{"name": "alertname", "value": "A", "isRegex": false}], "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "2036-01-01T00:00:00Z", "createdBy": "tests", "comment": "none"}
        """

    private func post(_ url: String, socket: String? = nil, headers: [String] = []) async throws -> Int? {
        var words = ["--silent", "--max-time", "5", "--output", "/dev/null", "--write-out", "%{http_code}"]
        if let socket { words += ["--unix-socket", socket] }
        for header in headers + ["Content-Type: application/json"] { words += ["--header", header] }
        return Int(try await ChildProcess.run("curl", words + ["--data-binary", Self.silence, url]).output)
    }

    @Test func `with an administration listener, changing calls are taken there only`() async throws {
        let directory = try TemporaryDirectory("admin")
        let socket = directory.path("admin.sock")
        let sidecar = try await RunningSidecar(
            configuration: "web: { admin_listen: \"unix:\(socket)\", drain_delay: 0s }\n",
            directory: directory
        )
        let bound = await waitUntil { FileManager.default.fileExists(atPath: socket) }
        #expect(bound)
        #expect(try await post(sidecar.url + "/api/v2/silences") == 403)
        #expect(try await post(sidecar.url + "/-/drain") == 403)
        #expect(await statusCode(sidecar.url + "/readyz") == 200)
        #expect(try await post("http://admin/api/v2/silences", socket: socket) == 200)
        #expect(try await post("http://admin/api/v2/silences", socket: socket, headers: ["Origin: http://a"]) == 403)
        #expect(try await HTTPGet(sidecar.url + "/api/v2/silences").text.contains("\"comment\":\"none\""))
        let mode = try FileManager.default.attributesOfItem(atPath: socket)[.posixPermissions] as? Int
        #expect(mode == 0o660)
        #expect(try await post("http://admin/-/drain?stop=false", socket: socket) == 200)
        #expect(await statusCode(sidecar.url + "/readyz") == 503)
        #expect(await sidecar.process.stop(grace: .seconds(20)) == .code(0), "\(sidecar.process.errorOutput)")
    }

    @Test func `without one, they are taken from this machine and from no web page`() async throws {
        let sidecar = try await RunningSidecar()
        let url = sidecar.url + "/api/v2/silences"
        #expect(try await post(url) == 200)
        #expect(try await post(url, headers: ["Origin: http://127.0.0.1"]) == 403)
        #expect(try await post(url, headers: ["Host: sidecar.example"]) == 403)
    }

    @Test func `the administration listener may be an address, never the public one`() async throws {
        let port = try freePort()
        let sidecar = try await RunningSidecar(configuration: "web: { admin_listen: \"127.0.0.1:\(port)\" }\n")
        let bound = await waitUntil { await statusCode("http://127.0.0.1:\(port)/-/ready") == 200 }
        #expect(bound)
        #expect(try await post("http://127.0.0.1:\(port)/api/v2/silences") == 200)
        #expect(try await post(sidecar.url + "/api/v2/silences") == 403)

        let path = try sidecar.directory.write(
            "web: { listen: \"127.0.0.1:9000\", admin_listen: \"127.0.0.1:9000\" }\n",
            to: "same.yml"
        )
        let check = try await ChildProcess.run(Programs.sidecar, ["check", "config", path])
        #expect(check.exit == .code(1))
        #expect(check.error.contains("same.yml:1:48: ") || check.output.contains("same.yml:1:48: "), "\(check)")
    }
}
