// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Seeds side by side, and what went wrong in any of them.
enum Seeds {
    static func run(_ seeds: Range<UInt64>) async -> [String] {
        let workers = UInt64(max(1, ProcessInfo.processInfo.activeProcessorCount))
        return await withTaskGroup(of: [String].self) { group in
            for worker in 0..<workers {
                group.addTask {
                    var complaints: [String] = []
                    for seed in seeds where seed % workers == worker { complaints += Simulation(seed: seed).run() }
                    return complaints
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }
}

/// From a scrape to a receiver with virtual time, disk and network. `SIDECAR_SEED=n` tells one seed's story.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["SIDECAR_CHAOS"] == "1"), .timeLimit(.minutes(2)))
struct SimulationTests {
    @Test func `no alert is lost, reset, ended falsely or told under two ids, whatever fails`() async {
        let began = ContinuousClock.now
        let complaints = await Seeds.run(1..<301)
        print("300 seeds in \(ContinuousClock.now - began)")
        #expect(complaints.count == 0, "\(complaints.sorted().prefix(20).joined(separator: "\n"))")
    }

    @Test func `a seed happens the same way again`() {
        for seed in UInt64(1)...20 {
            let first = Simulation(seed: seed), second = Simulation(seed: seed)
            _ = first.run()
            _ = second.run()
            #expect(first.trace == second.trace, "seed \(seed)")
        }
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["SIDECAR_SEED"] != nil))
    func story() {
        let seed = ProcessInfo.processInfo.environment["SIDECAR_SEED"].flatMap { UInt64($0) } ?? 1
        let simulation = Simulation(seed: seed)
        simulation.keepsStory = true
        let complaints = simulation.run()
        print(simulation.character)
        print(simulation.story.suffix(400).joined(separator: "\n"))
        #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
    }
}

@Suite(.enabled(if: ProcessInfo.processInfo.environment["SIDECAR_CHAOS"] == "1"), .timeLimit(.minutes(20)))
struct SimulationChaosTests {
    @Test func `ten thousand seeds in five minutes`() async {
        let began = ContinuousClock.now
        let complaints = await Seeds.run(1..<10_001)
        let took = ContinuousClock.now - began
        print("10,000 seeds in \(took)")
        #expect(complaints.isEmpty, "\(complaints.count): \(complaints.sorted().prefix(10).joined(separator: "\n"))")
        #expect(took < .seconds(300))
    }
}
