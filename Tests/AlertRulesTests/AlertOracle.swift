// SPDX-License-Identifier: Apache-2.0

/// Prometheus's alert states written down a second time, in the plainest way: one dictionary, whole seconds, no sharing
/// with the code under test.
struct AlertOracle {
    enum State: String { case pending, firing, inactive }

    struct Alert {
        var state: State
        var activeAt: Int
        var firedAt: Int?
        var resolvedAt: Int?
        var keepFiringSince: Int?
        var value: Double
    }

    var hold: Int
    var keep: Int
    var alerts: [String: Alert] = [:]

    init(hold: Int, keep: Int) {
        self.hold = hold
        self.keep = keep
    }

    /// One evaluation; answers what people are told, as `firing a` or `resolved a`.
    mutating func step(_ now: Int, _ result: [String: Double]) -> Set<String> {
        var told: Set<String> = []
        for (name, value) in result {
            if let known = alerts[name], known.state != .inactive {
                alerts[name]?.value = value
            } else {
                alerts[name] = Alert(state: .pending, activeAt: now, value: value)
            }
        }
        for (name, alert) in alerts {
            var alert = alert
            if result[name] == nil {
                var keepFiring = false
                if alert.state == .firing, keep > 0 {
                    if alert.keepFiringSince == nil { alert.keepFiringSince = now }
                    keepFiring = now - (alert.keepFiringSince ?? now) < keep
                }
                let isOld = alert.resolvedAt.map { now - $0 > 900 } ?? false
                if alert.state == .pending || isOld {
                    alerts[name] = nil
                    continue
                }
                if alert.state != .inactive, !keepFiring {
                    alert.state = .inactive
                    alert.resolvedAt = now
                    told.insert("resolved \(name)")
                }
                alerts[name] = alert
                if !keepFiring { continue }
            } else {
                alert.keepFiringSince = nil
            }
            if alert.state == .pending, now - alert.activeAt >= hold {
                alert.state = .firing
                alert.firedAt = now
                told.insert("firing \(name)")
            }
            alerts[name] = alert
        }
        return told
    }

    /// What `ALERTS` and `ALERTS_FOR_STATE` hold now.
    var series: [String: (state: State, activeAt: Int)] {
        alerts.filter { $0.value.state != .inactive }.mapValues { ($0.state, $0.activeAt) }
    }
}

/// A small generator with a seed that a failure can print.
struct SeededRandom {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(bound))
    }

    mutating func chance(_ percent: Int) -> Bool { next(100) < percent }
}
