// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Figures against their bars: a line each, and whether one was missed.
struct Verdicts {
    private(set) var missed = 0

    mutating func judge(_ name: String, _ figure: Double, atMost bar: Double) {
        let isMet = figure <= bar
        if !isMet { missed += 1 }
        say("    \(isMet ? "ok  " : "MISS") \(name): \(Self.shown(figure)) (bar \(Self.shown(bar)))")
    }

    private static func shown(_ figure: Double) -> String { "\((figure * 10_000).rounded() / 10_000)" }
}

func median(_ values: [Double]) -> Double { values.isEmpty ? .nan : values.sorted()[values.count / 2] }
func shown(_ milliseconds: Double) -> String { "\((milliseconds * 100).rounded() / 100) ms" }

/// Prints a line at once, also where the output goes into a file.
func say(_ line: String) {
    print(line)
    fflush(nil)
}
