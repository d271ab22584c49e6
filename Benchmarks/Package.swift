// swift-tools-version:6.3
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "sidecar", path: ".."),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    ],
    targets: [
        .executableTarget(
            name: "bench",
            dependencies: [.product(name: "Exposition", package: "sidecar")],
            path: "Sources/ExpositionBenchmark"
        ),
        .executableTarget(
            name: "ProbeLoad",
            dependencies: [
                .product(name: "HealthChecks", package: "sidecar"), .product(name: "HealthProbes", package: "sidecar"),
                .product(name: "Hummingbird", package: "hummingbird"), .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .executableTarget(name: "FuzzExposition", dependencies: [.product(name: "Exposition", package: "sidecar")]),
    ],
    swiftLanguageModes: [.v6]
)
