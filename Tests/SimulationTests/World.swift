// SPDX-License-Identifier: Apache-2.0

import TestSupport
import TimeSeries

/// What is true out there, and what of it the sidecar was given to see.
struct World {
    /// What one scrape brought; without values it failed.
    struct Reading {
        /// Whether the rules have looked at it.
        enum Sight {
            case unseen
            /// The process died of the evaluation: what it saw may be written or not.
            case perhaps
            case seen
        }

        var steady: Duration
        var values: [String: Double]?
        var sight = Sight.unseen
    }

    /// How the next scrape of an instance goes.
    enum Weather: CaseIterable {
        case fine
        /// The scrape fails: `up` is 0.
        case down
        /// It ends after the rules have been evaluated.
        case late
        /// It does not end at all; nothing is stored.
        case silent
    }

    private(set) var values: [String: [String: Double]] = [:]
    var weather: [String: Weather] = [:]
    /// What was committed to the store, by instance, oldest first. Survives the process as the samples' log does.
    private(set) var readings: [String: [Reading]] = [:]
    /// A power cut may have taken the newest readings; until the next one nobody knows what the sidecar sees.
    private(set) var isUncertain: Set<String> = []
    /// Since when nothing came although the process started or the clock was set: what is stored may be out of its sight.
    private(set) var unseenSince: [String: Duration] = [:]
    /// Since when failed scrapes follow upon a time without any: it all is one time without data.
    private var blindSince: [String: Duration] = [:]
    /// Whose newest reading a failing disk did not take.
    private var unlogged: Set<String> = []

    init() {
        for instance in Scenario.instances {
            values[instance] = Dictionary(uniqueKeysWithValues: Scenario.metrics.map { ($0, 0) })
            weather[instance] = .fine
        }
    }

    mutating func set(_ metric: String, of instance: String, to value: Double) { values[instance]?[metric] = value }

    mutating func calm() {
        for instance in Scenario.instances {
            weather[instance] = .fine
            for metric in Scenario.metrics { set(metric, of: instance, to: 0) }
        }
    }

    /// - Parameters:
    ///   - isInSight: its time is of the clock as it goes now.
    ///   - isLogged: the samples' log took it.
    mutating func committed(
        _ instance: String,
        _ values: [String: Double]?,
        at steady: Duration,
        isInSight: Bool,
        isLogged: Bool
    ) {
        readings[instance, default: []].append(Reading(steady: steady, values: values))
        isUncertain.remove(instance)
        if isLogged { unlogged.remove(instance) } else { unlogged.insert(instance) }
        guard isInSight else { return }
        blindSince[instance] = values == nil ? blindSince[instance] ?? unseenSince[instance] : nil
        unseenSince[instance] = nil
    }

    /// The rules have looked at what is newest; for certain, or in the process's last moment.
    mutating func evaluated(isCertain: Bool) {
        for instance in Scenario.instances where !isUncertain.contains(instance) {
            guard let last = readings[instance]?.indices.last, readings[instance]?[last].sight != .seen else {
                continue
            }
            readings[instance]?[last].sight = isCertain ? .seen : .perhaps
        }
    }

    /// The process is gone, and with it what the log did not take.
    mutating func processDied() { isUncertain.formUnion(unlogged) }

    mutating func samplesMayBeOutOfSight(at steady: Duration) {
        for instance in Scenario.instances where unseenSince[instance] == nil { unseenSince[instance] = steady }
    }

    /// What was not yet synced may be gone: whether anybody will ever have seen it is open.
    mutating func samplesMayBeLost(at steady: Duration) {
        isUncertain = Set(Scenario.instances)
        for instance in Scenario.instances {
            for index in (readings[instance] ?? []).indices.reversed() {
                guard let reading = readings[instance]?[index], steady - reading.steady < .seconds(2) else { break }
                readings[instance]?[index].sight = .perhaps
            }
        }
    }

    /// The newest thing the sidecar can know; nil when it is not known what that is.
    func latest(_ instance: String) -> Reading? { isUncertain.contains(instance) ? nil : readings[instance]?.last }

    /// Since when the rules may have had no data of the instance: every scrape has failed, or nothing came.
    func withoutDataSince(_ instance: String) -> Duration? {
        let failing = readings[instance]?.reversed().prefix { $0.values == nil }.last?.steady
        return [failing, unseenSince[instance], blindSince[instance]].compactMap { $0 }.min()
    }

    /// Since when the value has been on one side, as far as the rules can have seen: what nobody evaluated says nothing, and
    /// what only a dying process evaluated says nothing against it.
    func since(_ instance: String, _ metric: String, _ isSo: (Double) -> Bool) -> Duration? {
        var since: Duration?
        let readings = readings[instance] ?? []
        for (index, reading) in readings.enumerated().reversed() {
            // At the newest one they look now.
            let sight = index == readings.count - 1 ? .seen : reading.sight
            guard sight != .unseen, let value = reading.values?[metric] else { continue }
            guard isSo(value) else {
                if sight == .perhaps { continue }
                break
            }
            since = reading.steady
        }
        return since
    }
}
