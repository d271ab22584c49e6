// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Two booking services, each with its sidecar, behind HAProxy and nginx as `deploy/` configures them.
final class Fleet {
    private struct Instance {
        let port: UInt16
        let agentPort: UInt16
        let sidecar: RunningSidecar
        var service: RunningBookingService
    }

    let haproxyPort: UInt16
    let nginxPort: UInt16
    private let statisticsPort: UInt16
    private var instances: [Instance] = []
    private let directory: TemporaryDirectory
    private let haproxy: ChildProcess
    private let nginx: ChildProcess
    private let serviceConfiguration: String

    init() async throws {
        let directory = try TemporaryDirectory("fleet")
        self.directory = directory
        serviceConfiguration = try directory.write("drain_delay: 2s\n", to: "booking.yml")
        for _ in 0..<2 {
            let service = try await RunningBookingService(arguments: ["--config", serviceConfiguration])
            let agentPort = try freePort()
            let sidecar = try await RunningSidecar(
                configuration: """
                    health_checks:
                      - { name: app, http: { url: "\(service.url)/readyz", status: [ 200 ] }, interval: 200ms, fall: 1, rise: 1 }
                    web: { haproxy_agent_listen: "127.0.0.1:\(agentPort)", drain_delay: 0s }
                    """
            )
            instances.append(
                Instance(port: service.port, agentPort: agentPort, sidecar: sidecar, service: service)
            )
        }
        (haproxyPort, nginxPort, statisticsPort) = (try freePort(), try freePort(), try freePort())
        var (balancer, proxy) = (try Self.example("haproxy.cfg"), try Self.example("nginx.conf"))
        for (address, instance) in zip(["10.0.0.5", "10.0.0.6"], instances) {
            let agent = "agent-addr 127.0.0.1 agent-port \(instance.agentPort)"
            balancer = balancer.replacingOccurrences(of: "agent-addr \(address)", with: agent)
            balancer = balancer.replacingOccurrences(of: "\(address):8080", with: "127.0.0.1:\(instance.port)")
            proxy = proxy.replacingOccurrences(of: "\(address):8080", with: "127.0.0.1:\(instance.port)")
        }
        balancer = balancer.replacingOccurrences(of: "127.0.0.1:8000", with: "127.0.0.1:\(haproxyPort)")
            .replacingOccurrences(of: "/run/haproxy/admin.sock mode 660", with: "ipv4@127.0.0.1:\(statisticsPort)")
        proxy = proxy.replacingOccurrences(of: "127.0.0.1:8001", with: "127.0.0.1:\(nginxPort)")
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map {
            "\($0)_temp_path \(directory.path($0));"
        }
        proxy = proxy.replacingOccurrences(of: "http {", with: "http {\n  " + paths.joined(separator: "\n  "))
        proxy = "daemon off;\nmaster_process off;\npid \(directory.path("nginx.pid"));\n" + proxy
        haproxy = try ChildProcess("haproxy", ["-f", try directory.write(balancer, to: "haproxy.cfg"), "-db"])
        nginx = try ChildProcess(
            "nginx",
            ["-c", try directory.write(proxy, to: "nginx.conf"), "-e", directory.path("error.log")]
        )
        try await waitUntilReady("http://127.0.0.1:\(haproxyPort)/v1/venues", haproxy)
        try await waitUntilReady("http://127.0.0.1:\(nginxPort)/v1/venues", nginx)
    }

    private static func example(_ name: String) throws -> String {
        try String(contentsOfFile: Programs.root + "/deploy/" + name, encoding: .utf8)
    }

    /// Restarts one instance after the other, each when HAProxy has taken the last one back.
    func restart(times: Int) async throws {
        for round in 0..<times {
            let index = round % instances.count
            let old = instances[index].service
            old.process.send(SIGTERM)
            #expect(await old.process.wait(deadline: .seconds(20)) == .code(0), "\(old.process.errorOutput)")
            instances[index].service = try await RunningBookingService(
                port: instances[index].port,
                arguments: ["--config", serviceConfiguration]
            )
            let isBack = try await waitUntil(deadline: .seconds(20)) { try await status(of: "b\(index + 1)") == "UP" }
            let seen = try await status(of: "b\(index + 1)")
            #expect(isBack, "round \(round): \(seen), \(instances[index].sidecar.process.errorOutput)")
        }
    }

    /// What HAProxy thinks of a server, from its statistics.
    private func status(of server: String) async throws -> String {
        let connection = try RawConnection(port: Int(statisticsPort))
        try connection.send("show stat\n")
        let rows = try await connection.read().split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        guard let column = rows.first?.firstIndex(of: "status"),
            let row = rows.first(where: { $0.count > column && $0[1] == server })
        else { return "" }
        return String(row[column])
    }

    func stop() async {
        for process in [haproxy, nginx] + instances.flatMap({ [$0.service.process, $0.sidecar.process] }) {
            await process.stop()
        }
    }
}
