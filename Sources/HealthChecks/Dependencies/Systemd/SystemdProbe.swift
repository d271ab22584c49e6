// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import HealthChecks

/// The attempts of a systemd check, on the loop's thread: one connection to the bus each, so that none is left waiting
/// for messages that nobody reads.
package final class SystemdProbe: CheckProbe {
    private enum Stage {
        case authenticating, greeting, listing
    }

    private static let answerLimit = 4 << 20

    private let units: [String]
    private let address: StreamAddress
    private let environment: CheckEnvironment
    private let resolver: NameResolver
    private var stream: SocketStream?
    private var stage = Stage.authenticating
    private var heard: [UInt8] = []

    init(units: [String], address: StreamAddress, in environment: CheckEnvironment) {
        self.units = units
        self.address = address
        self.environment = environment
        resolver = NameResolver(loop: environment.loop)
    }

    package func close() {
        stream?.close()
        stream = nil
    }

    package func begin(_ attempt: CheckAttempt) {
        close()
        stage = .authenticating
        heard = []
        let fresh = SocketStream(loop: environment.loop, resolver: resolver, address: address)
        stream = fresh
        attempt.whenLate = { [self] in
            close()
            return .undetermined(.timeout, "no answer within the deadline", duration: attempt.elapsed)
        }
        fresh.onBytes = { [self, weak fresh] bytes in
            guard let fresh, !attempt.isFinished else { return }
            heard += bytes
            guard heard.count <= Self.answerLimit else { return unknown(.tooLarge, "too long an answer", attempt) }
            proceed(fresh, attempt)
        }
        fresh.onEnd = { [self] failure in
            guard !attempt.isFinished else { return }
            unknown(HealthReason(failure.reason), failure.description, attempt)
        }
        fresh.open(deadline: attempt.remaining) { [self] failure in
            guard !attempt.isFinished else { return }
            if let failure { return unknown(HealthReason(failure.reason), failure.description, attempt) }
            // The bus knows who we are from the socket; the name is our user id in hexadecimal of its digits.
            let user = String(geteuid()).utf8.map { String($0, radix: 16) }.joined()
            fresh.send([0] + Array("AUTH EXTERNAL \(user)\r\n".utf8))
        }
    }

    private func proceed(_ stream: SocketStream, _ attempt: CheckAttempt) {
        if stage == .authenticating {
            guard let end = heard.firstIndex(of: UInt8(ascii: "\n")) else { return }
            guard heard.starts(with: "OK ".utf8) else { return unknown(.auth, "the bus refuses us", attempt) }
            heard.removeFirst(end + 1)
            stage = .greeting
            stream.send(Array("BEGIN\r\n".utf8) + DBusMessage.encode(Self.hello))
        }
        while !heard.isEmpty, !attempt.isFinished {
            switch DBusMessage.parse(heard) {
            case .incomplete: return
            case .invalid: return unknown(.protocolError, "no D-Bus message", attempt)
            case .other(let count): heard.removeFirst(count)
            case .reply(let reply, let count):
                heard.removeFirst(count)
                take(reply, stream, attempt)
            }
        }
    }

    private func take(_ reply: DBusMessage.Reply, _ stream: SocketStream, _ attempt: CheckAttempt) {
        if let error = reply.error {
            let reason: HealthReason =
                switch error {
                case "org.freedesktop.DBus.Error.AccessDenied": .permission
                case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner": .missing
                case let name where name.hasPrefix("org.freedesktop.DBus.Error.Spawn."): .missing
                default: .queryFailed
                }
            return unknown(reason, error, attempt)
        }
        if stage == .greeting {
            stage = .listing
            return stream.send(DBusMessage.encode(Self.list(units)))
        }
        guard let found = SystemdUnit.list(reply) else {
            return unknown(.protocolError, "an answer of type \(reply.signature.prefix(40))", attempt)
        }
        finish(attempt, SystemdVerdict.result(units, found, duration: attempt.elapsed))
    }

    /// What the bus does not tell says nothing about the units.
    private func unknown(_ reason: HealthReason, _ text: String, _ attempt: CheckAttempt) {
        finish(attempt, .undetermined(reason, text, duration: attempt.elapsed))
    }

    private func finish(_ attempt: CheckAttempt, _ result: CheckResult) {
        close()
        attempt.finish(result)
    }

    private static let hello = DBusMessage.Call(
        serial: 1,
        destination: "org.freedesktop.DBus",
        path: "/org/freedesktop/DBus",
        interface: "org.freedesktop.DBus",
        member: "Hello"
    )

    private static func list(_ units: [String]) -> DBusMessage.Call {
        DBusMessage.Call(
            serial: 2,
            destination: "org.freedesktop.systemd1",
            path: "/org/freedesktop/systemd1",
            interface: "org.freedesktop.systemd1.Manager",
            member: "ListUnitsByNames",
            arguments: [.strings(units)]
        )
    }
}

/// What the states of units mean.
enum SystemdVerdict {
    private static let family = CheckFamily("node_systemd_unit_state", help: "1 for the state of the unit.")
    private static let states = ["active", "activating", "deactivating", "failed", "inactive"]

    static func result(_ wanted: [String], _ found: [SystemdUnit], duration: Duration) -> CheckResult {
        let units = Dictionary(found.map { ($0.name, $0) }) { first, _ in first }
        var samples: [CheckSample] = []
        for name in wanted {
            // `reloading` counts as active, as it goes on serving.
            let state = units[name].map { $0.activeState == "reloading" ? "active" : $0.activeState }
            let type = name.split(separator: ".").last.map(String.init) ?? ""
            for known in states {
                let labels = [CheckLabel("name", name), CheckLabel("state", known), CheckLabel("type", type)]
                samples.append(CheckSample(family, labels, state == known ? 1 : 0))
            }
        }
        samples.append(CheckSample("systemd_up", [], 1))
        for name in wanted {
            guard let unit = units[name], unit.loadState != "not-found" else {
                return .down(.missing, "\(name): no such unit", duration: duration, samples: samples)
            }
            switch unit.activeState {
            case "active", "reloading": continue
            case "activating" where unit.subState == "auto-restart":
                return .down(.exitStatus, "\(name): restarts again and again", duration: duration, samples: samples)
            case "activating": return .down(.startingUp, "\(name): starting", duration: duration, samples: samples)
            case "deactivating": return .down(.shuttingDown, "\(name): stopping", duration: duration, samples: samples)
            case "failed": return .down(.exitStatus, "\(name): failed", duration: duration, samples: samples)
            default: return .down(.missing, "\(name): \(unit.activeState)", duration: duration, samples: samples)
            }
        }
        return .up(duration: duration, samples: samples)
    }
}
