// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import Glibc
import HealthChecks
import TestSupport
import Testing

/// No systemd runs where tests do: a real bus stands between the check and a stand-in for its manager, written with
/// another implementation of D-Bus.
@Suite(.timeLimit(.minutes(1)))
struct SystemdCheckTests {
    private let fixture: CheckFixture

    init() throws {
        fixture = try CheckFixture()
    }

    private static let manager = """
        import dbus, dbus.service, dbus.mainloop.glib, sys
        from gi.repository import GLib
        dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
        bus = dbus.bus.BusConnection(sys.argv[1])
        states = {"web.service": ("loaded", "active", "running"), "db.service": ("loaded", "failed", "failed"),
            "loop.service": ("loaded", "activating", "auto-restart"), "disk.mount": ("loaded", "active", "mounted")}
        class Manager(dbus.service.Object):
            @dbus.service.method("org.freedesktop.systemd1.Manager", in_signature="as", out_signature="a(ssssssouso)")
            def ListUnitsByNames(self, names):
                def unit(name):
                    load, active, sub = states.get(name, ("not-found", "inactive", "dead"))
                    return (name, "Ünit " + name, load, active, sub, "", "/org/u", 0, "", "/")
                return [unit(name) for name in names]
        name = dbus.service.BusName("org.freedesktop.systemd1", bus)
        Manager(bus, "/org/freedesktop/systemd1")
        print("ready", flush=True)
        GLib.MainLoop().run()
        """

    private func check(_ units: [String], _ bus: String, deadline: Duration = .seconds(2)) async throws -> CheckResult {
        var configuration = SystemdCheckConfiguration(units: units)
        configuration.bus = bus
        let check = try SystemdCheck(name: "units", configuration, in: fixture.environment)
        return await check.check(deadline: deadline)
    }

    @Test
    func `units are told apart by their states`() async throws {
        let directory = try TemporaryDirectory("bus")
        let path = directory.path("socket")
        let daemon = try ChildProcess(
            "dbus-daemon",
            ["--session", "--nofork", "--nopidfile", "--address=unix:path=\(path)"]
        )
        #expect(await waitUntil { unsafe access(path, F_OK) == 0 })
        let bus = "unix:" + path
        let nobody = try await check(["web"], bus)
        #expect(nobody.verdict == .undetermined)
        #expect(nobody.reason == .missing, "\(nobody.text)")
        let manager = try ChildProcess("/usr/bin/python3", ["-c", Self.manager, "unix:path=\(path)"])
        #expect(await waitUntil { manager.output.contains("ready") || !manager.isRunning }, "\(manager.errorOutput)")
        let good = try await check(["web", "disk.mount"], bus)
        #expect(good.verdict == .up, "\(good.text)")
        let labels: KeyValuePairs = ["name": "web.service", "state": "active", "type": "service"]
        #expect(good.value("node_systemd_unit_state", labels) == 1)
        #expect(good.value("node_systemd_unit_state", ["name": "web.service", "state": "failed"]) == 0)
        #expect(good.value("systemd_up") == 1)
        let failed = try await check(["web", "db"], bus)
        #expect(failed.reason == .exitStatus)
        #expect(failed.text == "db.service: failed")
        #expect(try await check(["loop"], bus).text == "loop.service: restarts again and again")
        #expect(try await check(["nothing"], bus).reason == .missing)
        manager.send(SIGSTOP)
        let start = ContinuousClock.now
        #expect(try await check(["web"], bus, deadline: .milliseconds(200)).reason == .timeout)
        #expect(ContinuousClock.now - start < .milliseconds(250))
        await manager.stop(SIGKILL)
        await daemon.stop(SIGKILL)
        #expect(try await check(["web"], bus).reason == .connectRefused)
    }

    @Test
    func `a peer that is no bus is not believed`() async throws {
        let server = try TCPServer { connection in
            connection.send("REJECTED EXTERNAL\r\n")
            connection.waitForEnd()
        }
        #expect(throws: CheckConfigurationError.self) {
            var configuration = SystemdCheckConfiguration(units: ["web"])
            configuration.bus = "127.0.0.1:\(server.port)"
            _ = try SystemdCheck(name: "units", configuration, in: fixture.environment)
        }
    }
}
