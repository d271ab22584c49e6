// swift-tools-version:6.3
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// A package of its own, so that what benchmarks need never reaches a service that embeds the libraries.
let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "sidecar", path: ".."),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    ],
    targets: [
        .target(name: "CAllocationCount"),
        .target(name: "Harness", dependencies: ["CAllocationCount"]),
        .executableTarget(
            name: "MetricsBenchmark",
            dependencies: [
                "Harness", .product(name: "SidecarMetrics", package: "sidecar"),
                .product(name: "Exposition", package: "sidecar"),
            ]
        ),
        .executableTarget(
            name: "RouteBenchmark",
            dependencies: [
                .product(name: "HTTPMetrics", package: "sidecar"), .product(name: "SidecarMetrics", package: "sidecar"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]
        ),
        .executableTarget(
            name: "ExpositionBenchmark",
            dependencies: ["Harness", .product(name: "Exposition", package: "sidecar")]
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
