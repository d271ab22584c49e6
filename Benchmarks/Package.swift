// swift-tools-version:6.3
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "sidecar", path: "..")],
    targets: [
        .executableTarget(
            name: "bench",
            dependencies: [.product(name: "Exposition", package: "sidecar")],
            path: "Sources/ExpositionBenchmark"
        ),
        .executableTarget(name: "FuzzExposition", dependencies: [.product(name: "Exposition", package: "sidecar")]),
    ],
    swiftLanguageModes: [.v6]
)
