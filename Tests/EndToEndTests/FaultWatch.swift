// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A running sidecar with one check, and how soon it says what.
final class FaultWatch: Sendable {
    static let interval = Duration.milliseconds(500)
    static let deadline = Duration.milliseconds(300)
    /// For the question itself, and a machine that is busy with the fault.
    private static let slack = Duration.milliseconds(250)

    struct Seen: Sendable {
        var state = ""
        var reason = ""
        var seconds = 0.0
        var text = ""
    }

    let sidecar: RunningSidecar

    /// `check` is the kind with its keys, such as `redis: { url: … }`.
    init(_ check: String) async throws {
        sidecar = try await RunningSidecar(
            configuration: """
                health_checks:
                  - { name: it, \(check), interval: 500ms, timeout: 300ms, fall: 1, rise: 1 }
                web: { drain_delay: 0s }
                """
        )
        let isWell = await waitUntil { await self.seen()?.state == "healthy" }
        let seen = await seen()
        #expect(isWell, "\(seen as Any)")
    }

    func stop() async { await sidecar.process.stop() }

    func seen() async -> Seen? {
        guard let answer = try? await HTTPGet(sidecar.url + "/api/sidecar/checks", timeout: 2),
            let list = try? JSONSerialization.jsonObject(with: answer.body) as? [[String: Any]], let check = list.first
        else { return nil }
        return Seen(
            state: check["state"] as? String ?? "",
            reason: check["reason"] as? String ?? "",
            seconds: check["durationSeconds"] as? Double ?? 0,
            text: check["text"] as? String ?? ""
        )
    }

    /// Brings a fault about: it is told by its own reason by the next attempt and within that attempt's deadline and 50 ms;
    /// mends it: that is seen by the next attempt, too.
    func expect(
        _ reason: String,
        state: String = "unhealthy",
        recoversWithin: Duration? = FaultWatch.interval,
        when inject: () async throws -> Void,
        mend: () async throws -> Void
    ) async throws {
        try await inject()
        let injected = ContinuousClock.now
        let isTold = await waitUntil(every: .milliseconds(5)) {
            let seen = await self.seen()
            return seen?.state == state && seen?.reason == reason
        }
        let told = ContinuousClock.now - injected
        let seen = await seen()
        #expect(isTold, "\(reason): \(seen as Any)")
        #expect(told < Self.interval + Self.deadline + .milliseconds(50) + Self.slack, "\(reason): told after \(told)")
        #expect(.seconds(seen?.seconds ?? 9) <= Self.deadline + .milliseconds(50), "\(reason): \(seen as Any)")
        try await mend()
        guard let recoversWithin else { return }
        let mended = ContinuousClock.now
        let isWell = await waitUntil(deadline: recoversWithin + .seconds(5), every: .milliseconds(5)) {
            await self.seen()?.state == "healthy"
        }
        let recovered = ContinuousClock.now - mended
        let last = await self.seen()
        #expect(isWell, "after \(reason): \(last as Any)")
        #expect(recovered < recoversWithin + Self.slack, "\(reason): recovered after \(recovered)")
    }

    /// A refusal is told by a watch of its own, without the proxy, which accepts what nobody serves; afterwards this one is
    /// well again, too.
    func expectRefusal(
        of check: String,
        when stop: () async throws -> Void,
        mend: () async throws -> Void
    ) async throws {
        let direct = try await FaultWatch(check)
        try await direct.expect("connect_refused", when: stop, mend: mend)
        await direct.stop()
        #expect(await waitUntil { await self.seen()?.state == "healthy" })
    }
}
