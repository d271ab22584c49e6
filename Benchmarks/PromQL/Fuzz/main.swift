// SPDX-License-Identifier: Apache-2.0

import Glibc
import PromQLFuzzing

// Mutates expressions and lets parser, printer and evaluator loose on them.
//
//     promql-fuzz [--inputs 10000000] [--seed N] [--threads 2] [--from N] [--cases cases.json]
//
// Input n of a seed is always the same. The number under way stands in fuzz-promql.state (a 64-bit number for each
// thread, rounded down to 256), so that after a crash `--seed S --from N --inputs 256 --threads 1` repeats it.

struct Options: Sendable {
    var inputs = 10_000_000
    var seed = UInt64.random(in: 1...1_000_000_000)
    var threads = 2
    var from = 0
    var cases: String?

    init(_ arguments: [String]) {
        var rest = arguments.dropFirst()
        while let name = rest.popFirst(), let value = rest.popFirst() {
            switch name {
            case "--inputs": inputs = Int(value) ?? inputs
            case "--seed": seed = UInt64(value) ?? seed
            case "--threads": threads = max(1, Int(value) ?? threads)
            case "--from": from = Int(value) ?? from
            case "--cases": cases = value
            default: print("unknown option \(name)")
            }
        }
    }
}

/// One thread's share, in pieces whose beginnings are noted down.
@Sendable func work(_ inputs: Range<Int>, thread: Int, _ options: Options, _ corpus: ExpressionCorpus)
    -> ExpressionFuzzer?
{
    guard var fuzzer = try? ExpressionFuzzer(seed: options.seed, corpus: corpus) else { return nil }
    let state = unsafe open("fuzz-promql.state", O_RDWR | O_CREAT, 0o644)
    defer { close(state) }
    for first in stride(from: inputs.lowerBound, to: inputs.upperBound, by: 256) {
        var number = Int64(first)
        unsafe withUnsafeBytes(of: &number) { _ = unsafe pwrite(state, $0.baseAddress, 8, off_t(thread * 8)) }
        fuzzer.run(first..<min(first + 256, inputs.upperBound))
    }
    return fuzzer
}

let options = Options(CommandLine.arguments)
let corpus = ExpressionCorpus(cases: options.cases)
let end = options.from + options.inputs
print("seed \(options.seed), inputs \(options.from)..<\(end), \(corpus.expressions.count) expressions to begin with")
let fuzzers = await withTaskGroup(of: ExpressionFuzzer?.self, returning: [ExpressionFuzzer?].self) { group in
    let share = (options.inputs + options.threads - 1) / options.threads
    for thread in 0..<options.threads {
        let first = min(end, options.from + thread * share)
        group.addTask { work(first..<min(first + share, end), thread: thread, options, corpus) }
    }
    var all: [ExpressionFuzzer?] = []
    for await fuzzer in group { all.append(fuzzer) }
    return all
}
var tally = ExpressionFuzzer.Tally()
var findings = 0
for fuzzer in fuzzers {
    guard let fuzzer else {
        print("a fuzzer could not be made")
        exit(3)
    }
    tally.inputs += fuzzer.tally.inputs
    tally.parsed += fuzzer.tally.parsed
    tally.answered += fuzzer.tally.answered
    tally.slowest = max(tally.slowest, fuzzer.tally.slowest)
    findings += fuzzer.findings.count
    for finding in fuzzer.findings.prefix(20) { print(finding) }
}
print("\(tally.inputs) inputs, \(tally.parsed) parsed, \(tally.answered) answered, slowest \(tally.slowest)")
print(findings == 0 ? "nothing found" : "\(findings) findings")
exit(findings == 0 ? 0 : 1)
