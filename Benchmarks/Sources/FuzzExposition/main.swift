// SPDX-License-Identifier: Apache-2.0

import Exposition
import Glibc

// Mutates real bodies and lets every reader loose on them: nothing may crash, and readers of one body must agree.
//
//     FuzzExposition [--inputs 10000000] [--seed N] [--threads 2] [--from N]
//
// Input n of a seed is always the same. The number under way stands in fuzz-exposition.state, so that after a crash
// `--seed S --from N --inputs 1` repeats it.

struct Options {
    var inputs = 10_000_000
    var seed = UInt64.random(in: 1...1_000_000_000)
    var threads = 2
    var from = 0

    init(_ arguments: [String]) {
        var rest = arguments.dropFirst()
        while let name = rest.popFirst(), let value = rest.popFirst() {
            switch name {
            case "--inputs": inputs = Int(value) ?? inputs
            case "--seed": seed = UInt64(value) ?? seed
            case "--threads": threads = max(1, Int(value) ?? threads)
            case "--from": from = Int(value) ?? from
            default: print("unknown option \(name)")
            }
        }
    }
}

let options = Options(CommandLine.arguments)
print("seed \(options.seed), inputs \(options.from)..<\(options.from + options.inputs), threads \(options.threads)")
let failures = await runWorkers(options)
print(failures == 0 ? "nothing found" : "\(failures) differences")
exit(failures == 0 ? 0 : 1)

/// Runs the threads' shares side by side and returns the number of differences.
nonisolated func runWorkers(_ options: Options) async -> Int {
    await withTaskGroup(of: Int.self, returning: Int.self) { group in
        let share = (options.inputs + options.threads - 1) / options.threads
        for thread in 0..<options.threads {
            let first = options.from + thread * share
            let last = min(first + share, options.from + options.inputs)
            let seed = options.seed
            group.addTask {
                var worker = FuzzWorker(seed: seed, number: thread)
                return worker.run(first..<max(first, last))
            }
        }
        var sum = 0
        for await failures in group { sum += failures }
        return sum
    }
}
