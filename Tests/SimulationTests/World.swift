// SPDX-License-Identifier: Apache-2.0

import TestSupport
import TimeSeries

/// What is true out there, and what of it the sidecar was given to see.
struct World {
    /// What one scrape brought; without values it failed.
    struct Reading {
        var steady: Duration
        var values: [String: Double]?
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

    /// - Parameter isInSight: its time is of the clock as it goes now.
    mutating func committed(_ instance: String, _ values: [String: Double]?, at steady: Duration, isInSight: Bool) {
        readings[instance, default: []].append(Reading(steady: steady, values: values))
        isUncertain.remove(instance)
        if isInSight { unseenSince[instance] = nil }
    }

    mutating func samplesMayBeOutOfSight(at steady: Duration) {
        for instance in Scenario.instances where unseenSince[instance] == nil { unseenSince[instance] = steady }
    }

    mutating func samplesMayBeLost() { isUncertain = Set(Scenario.instances) }

    /// The newest thing the sidecar can know; nil when it is not known what that is.
    func latest(_ instance: String) -> Reading? { isUncertain.contains(instance) ? nil : readings[instance]?.last }

    /// Since when the rules may have had no data of the instance: every scrape has failed, or nothing came.
    func withoutDataSince(_ instance: String) -> Duration? {
        let failing = readings[instance]?.reversed().prefix { $0.values == nil }.last?.steady
        return [failing, unseenSince[instance]].compactMap { $0 }.min()
    }

    /// Since when the value has been on one side, as far as successful scrapes say.
    func since(_ instance: String, _ metric: String, _ isSo: (Double) -> Bool) -> Duration? {
        var since: Duration?
        for reading in (readings[instance] ?? []).reversed() {
            guard let value = reading.values?[metric] else { continue }
            guard isSo(value) else { break }
            since = reading.steady
        }
        return since
    }
}
