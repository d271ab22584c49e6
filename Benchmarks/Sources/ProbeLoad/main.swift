// SPDX-License-Identifier: Apache-2.0

import Foundation

// The two ends of the probe benchmark: an application that embeds HealthProbes, and a client that keeps connections open and
// asks at a steady pace. The script `probes` starts both.

let words = CommandLine.arguments.dropFirst()
let numbers = words.dropFirst().compactMap { Int($0) }

switch (words.first, numbers.count) {
case ("serve", 1):
    try await ProbeApplication.serve(port: numbers[0])
case ("paced", 4):
    let idle = try IdleConnections(port: numbers[0], count: numbers[1])
    let report = PacedLoad(port: numbers[0], path: "/readyz", rate: numbers[2], seconds: numbers[3]).run()
    print("\(idle.count) connections open, \(report)")
default:
    print("usage: ProbeLoad serve PORT | paced PORT CONNECTIONS RATE SECONDS")
    exit(2)
}
