// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TestSupport

/// A service whose one metric says whether it is broken.
final class MetricsTarget: Sendable {
    let receiver: HTTPReceiver
    private let broken: Mutex<Bool>

    init() throws {
        receiver = try HTTPReceiver()
        broken = Mutex(false)
        receiver.answer(with: { [weak self] _ in
            HTTPAnswer(
                200,
                "broken \(self?.isBroken == true ? 1 : 0)\n",
                headers: [(name: "Content-Type", value: "text/plain; version=0.0.4")]
            )
        })
    }

    var port: UInt16 { receiver.port }

    var isBroken: Bool {
        get { broken.withLock { $0 } }
        set { broken.withLock { $0 = newValue } }
    }
}

/// What a webhook was told of the alert `Broken`.
struct Note {
    let isFiring: Bool
    let id: String
    let at: ContinuousClock.Instant
    let startsAt: String
    let endsAt: String

    static func all(_ receiver: HTTPReceiver) -> [Note] {
        receiver.requests.compactMap { request in
            guard let payload = try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any],
                let alert = (payload["alerts"] as? [[String: Any]])?.first,
                (alert["labels"] as? [String: String])?["alertname"] == "Broken"
            else { return nil }
            return Note(
                isFiring: alert["status"] as? String == "firing",
                id: payload["notificationId"] as? String ?? "",
                at: request.arrived,
                startsAt: alert["startsAt"] as? String ?? "",
                endsAt: alert["endsAt"] as? String ?? ""
            )
        }
    }
}
