// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TestSupport
import Testing

/// Two instances behind nginx and HAProxy: one turns unready and leaves, and no request fails that need not.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct BalancerTests {
    @Test func `HAProxy takes out an instance that drains, and nobody notices`() async throws {
        let first = try await RunningBookingService()
        let second = try await RunningBookingService()
        let directory = try TemporaryDirectory("haproxy")
        let port = try freePort()
        let configuration = try directory.write(
            """
            global
              maxconn 1000
            defaults
              mode http
              timeout connect 1s
              timeout client 10s
              timeout server 10s
              retries 2
              option redispatch
            frontend front
              bind 127.0.0.1:\(port)
              default_backend booking
            backend booking
              balance roundrobin
              option httpchk GET /readyz
              server b1 127.0.0.1:\(first.port) check inter 200ms fall 1 rise 1
              server b2 127.0.0.1:\(second.port) check inter 200ms fall 1 rise 1

            """,
            to: "haproxy.cfg"
        )
        let haproxy = try ChildProcess("haproxy", ["-f", configuration, "-db"])
        try await waitUntilReady("http://127.0.0.1:\(port)/livez", haproxy)
        try await stopsUnnoticed(first, behind: port)
        await haproxy.stop()
        await second.process.stop()
    }

    @Test func `nginx passes on to the other instance`() async throws {
        let first = try await RunningBookingService()
        let second = try await RunningBookingService()
        let directory = try TemporaryDirectory("nginx")
        let port = try freePort()
        let configuration = try directory.write(
            """
            daemon off;
            master_process off;
            pid \(directory.path("nginx.pid"));
            error_log \(directory.path("error.log"));
            events {}
            http {
              access_log off;
              client_body_temp_path \(directory.path("body"));
              proxy_temp_path \(directory.path("proxy"));
              fastcgi_temp_path \(directory.path("fastcgi"));
              uwsgi_temp_path \(directory.path("uwsgi"));
              scgi_temp_path \(directory.path("scgi"));
              upstream booking {
                server 127.0.0.1:\(first.port) max_fails=1 fail_timeout=1s;
                server 127.0.0.1:\(second.port) max_fails=1 fail_timeout=1s;
              }
              server {
                listen 127.0.0.1:\(port);
                location / {
                  proxy_pass http://booking;
                  proxy_http_version 1.1;
                  proxy_set_header Connection "";
                  proxy_next_upstream error timeout http_503;
                }
              }
            }

            """,
            to: "nginx.conf"
        )
        let nginx = try ChildProcess("nginx", ["-c", configuration, "-e", directory.path("error.log")])
        try await waitUntilReady("http://127.0.0.1:\(port)/livez", nginx)
        try await stopsUnnoticed(first, behind: port)
        await nginx.stop()
        await second.process.stop()
    }

    /// What happened while the instance went.
    private final class Traffic: Sendable {
        private let state = Mutex<(count: Int, failures: [String], isDone: Bool)>((0, [], false))

        var count: Int { state.withLock { $0.count } }
        var failures: [String] { state.withLock { $0.failures } }
        var isDone: Bool { state.withLock { $0.isDone } }

        func finish() { state.withLock { $0.isDone = true } }

        func send(_ url: String) async {
            var failure: String?
            do {
                let status = try await HTTPGet(url).status
                if status != 200 { failure = "status \(status)" }
            } catch {
                failure = "\(error)"
            }
            let text = failure
            state.withLock { state in
                state.count += 1
                if let text { state.failures.append(text) }
            }
        }
    }

    /// Sends requests all the while the instance drains and ends; every one of them has to succeed.
    private func stopsUnnoticed(_ instance: RunningBookingService, behind port: UInt16) async throws {
        let traffic = Traffic()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    while !traffic.isDone { await traffic.send("http://127.0.0.1:\(port)/v1/venues") }
                }
            }
            _ = await waitUntil { traffic.count >= 40 }
            instance.process.send(SIGTERM)
            let unready = await waitUntil(deadline: .seconds(5)) {
                let status = await statusCode(instance.url + "/readyz")
                return status == 503 || status == nil
            }
            #expect(unready, "the instance stayed ready after SIGTERM")
            #expect(await instance.process.wait(deadline: .seconds(30)) == .code(0))
            let before = traffic.count
            _ = await waitUntil { traffic.count >= before + 40 }
            traffic.finish()
            try await group.waitForAll()
        }
        #expect(traffic.failures == [], "of \(traffic.count) requests")
    }
}
