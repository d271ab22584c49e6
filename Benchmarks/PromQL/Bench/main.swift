// SPDX-License-Identifier: Apache-2.0

import Glibc

// promql-bench [--minutes 10] [--sidecar PROGRAM] [alone|beside]: the engine alone, and the sidecar beside Prometheus and
// VictoriaMetrics. Ends with 1 when a bar is missed.
// promql-bench replay: how long a start takes that finds six hours in the log.
// promql-bench serve TARGETS ROWS: only the targets, 18 series for each row, until it is stopped; prints their ports.

var comparison = Comparison(sidecar: ".build/release/sidecar")
var parts: [String] = []
var words = CommandLine.arguments.dropFirst()
while let word = words.popFirst() {
    switch word {
    case "--minutes": comparison.minutes = words.popFirst().flatMap { Double($0) } ?? comparison.minutes
    case "--sidecar": comparison.sidecar = words.popFirst() ?? comparison.sidecar
    default: parts.append(word)
    }
}
if parts.first == "serve" {
    let counts = parts.dropFirst().compactMap { Int($0) }
    guard counts.count == 2 else {
        say("serve TARGETS ROWS")
        exit(2)
    }
    let targets = try BookingTargets(BookingSeries(targets: counts[0], rows: counts[1], samples: 0))
    try await targets.run(for: .seconds(86_400)) {
        say(targets.ports.map(String.init).joined(separator: " "))
    }
    exit(0)
}
var missed = 0
if parts.isEmpty || parts.contains("beside") { missed += try await comparison.run() }
if parts.isEmpty || parts.contains("alone") { missed += try EngineAlone().run() }
if parts.contains("replay") { missed += try LogReplay.run() }
say("\(missed) bars missed")
exit(missed == 0 ? 0 : 1)
