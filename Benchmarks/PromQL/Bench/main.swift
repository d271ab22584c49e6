// SPDX-License-Identifier: Apache-2.0

import Glibc

// promql-bench [--minutes 10] [--sidecar PROGRAM] [alone|beside]: the engine alone, and the sidecar beside Prometheus and
// VictoriaMetrics. Ends with 1 when a bar is missed.

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
var missed = 0
if parts.isEmpty || parts.contains("beside") { missed += try await comparison.run() }
if parts.isEmpty || parts.contains("alone") { missed += try EngineAlone().run() }
say("\(missed) bars missed")
exit(missed == 0 ? 0 : 1)
