// swift-tools-version:6.3
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// One set of compiler settings for every Swift target: the next language mode's defaults, no warnings, no unmarked
/// unsafe code. The toolchain is pinned (6.3.1), so warnings may be errors.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"), .enableUpcomingFeature("ImmutableWeakCaptures"),
    .strictMemorySafety(), .treatAllWarnings(as: .error),
]

func library(_ name: String, _ path: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target
{
    .target(name: name, dependencies: dependencies, path: "Sources/\(path)", exclude: exclude, swiftSettings: strict)
}

func suite(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name,
        dependencies: dependencies + ["TestSupport"],
        path: "Tests/\(name)",
        resources: resources,
        swiftSettings: strict
    )
}

func systemLibrary(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, path: "Sources/Clients/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")

// MARK: What a service embeds, and what a sample is

let metrics: [Target] = [
    library(
        "SidecarMetrics",
        "Metrics/Instruments",
        ["Exposition", "CThreadSlot", coreMetrics, logging, tracing, nioCore]
    ),
    .target(name: "CThreadSlot", path: "Sources/Metrics/CThreadSlot"),
    library("Exposition", "Metrics/Exposition"),
    library("ContentEncoding", "Metrics/ContentEncoding", ["Exposition", "Gzip", "CZstd"]),
    library(
        "HTTPMetrics",
        "Metrics/HTTPMetrics",
        [
            "SidecarMetrics", "Exposition", "ContentEncoding", hummingbird, httpTypes, logging, nioCore, nioHTTP1,
            tracing,
        ]
    ),
    library("TimeSeries", "Metrics/TimeSeries", ["RegularExpressions", "CLinux"]),
]

// MARK: What "healthy" means

let healthChecks: [Target] = [
    library("HealthChecks", "HealthChecks/Core", ["Calendar", logging]),
    library(
        "DependencyChecks",
        "HealthChecks/Dependencies",
        [
            "HealthChecks", "CLinux", "DNSClient", "EventLoop", "HTTPClient", "PostgresClient", "RedisClient",
            "SQLiteClient",
            "JSONDocument", "RegularExpressions", logging,
        ]
    ),
    library(
        "HealthProbes",
        "HealthChecks/Probes",
        [
            "Calendar", "HealthChecks", "JSONDocument", hummingbird, hummingbirdCore, httpTypes, logging, nioCore,
            nioPosix,
            nioHTTP2,
            .product(name: "NIOHPACK", package: "swift-nio-http2"), serviceLifecycle, unixSignals,
        ]
    ),
]

// MARK: From samples to a person

let alerts: [Target] = [
    library("GoFormatting", "Alerts/GoFormatting"),
    library("PromQL", "Alerts/PromQL", ["GoFormatting", "TimeSeries", "RegularExpressions"]),
    library("GoTemplates", "Alerts/Templates", ["GoFormatting", "RegularExpressions"]),
    library(
        "AlertRules",
        "Alerts/Rules",
        [
            "Calendar", "PromQL", "TimeSeries", "GoFormatting", "GoTemplates", "YAMLDocument", "SQLiteClient",
            "RegularExpressions",
            logging,
        ]
    ),
    library(
        "Notifications",
        "Alerts/Notifications",
        [
            "Calendar", "TimeSeries", "GoFormatting", "GoTemplates", "RegularExpressions", "SQLiteClient", "HTTPClient",
            "Journal",
            "JSONDocument",
            "YAMLDocument", crypto, logging,
        ]
    ),
]

// MARK: The doors to the outside; the only place that touches C

let clients: [Target] = [
    systemLibrary("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
    systemLibrary("CSystemd", pkgConfig: "libsystemd", apt: "libsystemd-dev"),
    systemLibrary("CPostgres", pkgConfig: "libpq", apt: "libpq-dev"),
    systemLibrary("CHiredis", pkgConfig: "hiredis", apt: "libhiredis-dev"),
    systemLibrary("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
    systemLibrary("CYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
    systemLibrary("CCrypt", pkgConfig: "libcrypt", apt: "libcrypt-dev"),
    systemLibrary("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
    systemLibrary("CZstd", pkgConfig: "libzstd", apt: "libzstd-dev"),
    systemLibrary("CSnappy", pkgConfig: "snappy", apt: "libsnappy-dev"),
    .target(
        name: "CRE2",
        path: "Sources/Clients/CRE2",
        linkerSettings: [.linkedLibrary("re2"), .linkedLibrary("stdc++")]
    ),
    library("Calendar", "Clients/Calendar"),
    library("EventLoop", "Clients/EventLoop", ["CLinux"]),
    .target(name: "CLinux", path: "Sources/Clients/CLinux"),
    library("Gzip", "Clients/Gzip", ["CZlib"]),
    library("HTTPClient", "Clients/HTTPClient", ["CCurl", "Calendar", "EventLoop", "Gzip"]),
    library("DNSClient", "Clients/DNSClient"),
    library("Journal", "Clients/Journal", ["CSystemd", "EventLoop", logging]),
    library("PostgresClient", "Clients/PostgresClient", ["CPostgres", "EventLoop"]),
    library("RedisClient", "Clients/RedisClient", ["CHiredis", "EventLoop"]),
    library("SQLiteClient", "Clients/SQLiteClient", ["CSQLite"]),
    library("YAMLDocument", "Clients/YAMLDocument", ["CYAML"]),
    library("JSONDocument", "Clients/JSONDocument"),
    library("RegularExpressions", "Clients/RegularExpressions", ["CRE2"]),
]

// MARK: The two programs

/// The sidecar carries the Swift runtime within itself, so that it runs where there is none, and only the part it uses:
/// with no symbols for others and packed relocations, which costs less memory than sharing a runtime that nobody shares.
let standalone = LinkerSetting.unsafeFlags(
    [
        "-static-stdlib", "-l_FoundationCShims", "-l_FoundationCollections", "-use-ld=lld",
        "-Xlinker", "--no-export-dynamic", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
    ],
    .when(configuration: .release)
)

let programs: [Target] = [
    library(
        "Scraping",
        "Sidecar/Scraping",
        [
            "TimeSeries", "Exposition", "HTTPClient", "DNSClient", "EventLoop", "PromQL", "RegularExpressions",
            "JSONDocument", "YAMLDocument", crypto,
        ]
    ),
    library("RemoteWrite", "Sidecar/RemoteWrite", ["TimeSeries", "HTTPClient", "CSnappy"]),
    library(
        "SidecarServer",
        "Sidecar/Server",
        [
            "Calendar", "Scraping", "RemoteWrite", "DNSClient", "TimeSeries", "GoFormatting", "PromQL", "AlertRules",
            "Notifications",
            "HealthChecks",
            "DependencyChecks", "HealthProbes", "Exposition", "ContentEncoding", "YAMLDocument", "JSONDocument",
            "HTTPClient",
            "Journal",
            "EventLoop", "SQLiteClient", "RegularExpressions", "CCrypt", "CLinux", hummingbird, hummingbirdCore,
            httpTypes,
            logging,
            serviceLifecycle, unixSignals, nioCore, nioPosix, nioSSL, crypto,
        ]
    ),
    .executableTarget(
        name: "sidecar",
        dependencies: [
            "SidecarServer", "AlertRules", "PromQL", "Exposition", "HTTPClient", "EventLoop", "JSONDocument",
            "YAMLDocument",
            "Journal", "TimeSeries", argumentParser, logging,
        ],
        path: "Sources/Sidecar/CommandLine",
        swiftSettings: strict,
        linkerSettings: [standalone]
    ),
    library(
        "BookingService",
        "BookingService/Service",
        [
            "HTTPMetrics", "SidecarMetrics", "Exposition", "HealthChecks", "HealthProbes", "DependencyChecks",
            "EventLoop", "PostgresClient", hummingbird, httpTypes, logging, serviceLifecycle, unixSignals, nioCore,
            nioPosix, crypto,
            .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Yams", package: "Yams"),
            .product(name: "JWTKit", package: "jwt-kit"),
        ]
    ),
    .executableTarget(
        name: "booking-service",
        dependencies: ["BookingService", argumentParser, logging, serviceLifecycle],
        path: "Sources/BookingService/CommandLine",
        swiftSettings: strict
    ),
]

// MARK: Tests

let tests: [Target] = [
    .target(name: "TestSupport", dependencies: ["CSQLite"], path: "Tests/TestSupport", swiftSettings: strict),
    suite("SidecarMetricsTests", ["SidecarMetrics", "Exposition", coreMetrics, logging, tracing, nioCore, nioPosix]),
    suite("ExpositionTests", ["Exposition", "ContentEncoding", "Gzip"]),
    suite(
        "HTTPMetricsTests",
        [
            "HTTPMetrics", "SidecarMetrics", "Exposition", hummingbird,
            .product(name: "HummingbirdTesting", package: "hummingbird"), httpTypes, coreMetrics, logging, nioCore,
        ]
    ),
    suite("TimeSeriesTests", ["TimeSeries", "RegularExpressions"]),
    suite("RemoteWriteTests", ["RemoteWrite", "TimeSeries", "HTTPClient", "EventLoop", "CSnappy"]),
    suite("ScrapingTests", ["Scraping", "DNSClient", "TimeSeries", "Exposition", "HTTPClient", "EventLoop"]),
    suite(
        "PromQLTests",
        [
            "PromQL", "PromQLFuzzing", "GoFormatting", "TimeSeries", "RegularExpressions",
            .product(name: "Yams", package: "Yams"),
        ]
    ),
    suite(
        "AlertRulesTests",
        ["AlertRules", "PromQL", "TimeSeries", "GoTemplates", "YAMLDocument", "SQLiteClient", logging]
    ),
    suite(
        "NotificationsTests",
        [
            "Calendar", "Notifications", "TimeSeries", "GoTemplates", "SQLiteClient", "HTTPClient", "EventLoop",
            "Journal",
            "JSONDocument", "YAMLDocument", "CSQLite", crypto, logging,
        ]
    ),
    suite(
        "ClientsTests",
        [
            "EventLoop", "HTTPClient", "Journal", "PostgresClient", "RedisClient", "SQLiteClient", "YAMLDocument",
            "RegularExpressions", "JSONDocument", logging,
        ]
    ),
    suite("CalendarTests", ["Calendar"]),
    suite("HealthChecksTests", ["HealthChecks", "Calendar", logging]),
    suite(
        "DependencyChecksTests",
        [
            "DependencyChecks", "HealthChecks", "DNSClient", "EventLoop", "HTTPClient", "PostgresClient", "RedisClient",
            "SQLiteClient", logging,
        ]
    ),
    suite(
        "HealthProbesTests",
        [
            "HealthProbes", "HealthChecks", hummingbird, .product(name: "HummingbirdTesting", package: "hummingbird"),
            httpTypes, nioCore, nioPosix, logging,
        ]
    ),
    suite(
        "BookingServiceTests",
        [
            "BookingService", "HealthChecks", "PostgresClient", hummingbird,
            .product(name: "HummingbirdTesting", package: "hummingbird"), httpTypes, logging,
        ]
    ),
    suite(
        "SidecarTests",
        [
            "SidecarServer", "AlertRules", "Scraping", "DNSClient", "HTTPClient", "YAMLDocument", "TimeSeries",
            "PromQL",
            logging,
        ]
    ),
    suite(
        "SimulationTests",
        [
            "Calendar", "SidecarServer", "AlertRules", "Notifications", "PromQL", "HealthChecks", "TimeSeries",
            "SQLiteClient", "JSONDocument", "YAMLDocument",
        ]
    ),
    suite("EndToEndTests", ["Exposition"]),
]

// MARK: Measuring and fuzzing what only this package sees (the rest stands in the package Benchmarks)

let tools: [Target] = [
    .target(
        name: "PromQLFuzzing",
        dependencies: ["PromQL", "TimeSeries", "JSONDocument", "TestSupport"],
        path: "Benchmarks/PromQL/Fuzzing",
        swiftSettings: strict
    ),
    .executableTarget(
        name: "promql-fuzz",
        dependencies: ["PromQLFuzzing"],
        path: "Benchmarks/PromQL/Fuzz",
        swiftSettings: strict
    ),
    .executableTarget(
        name: "promql-bench",
        dependencies: ["PromQL", "TimeSeries", "JSONDocument", "TestSupport"],
        path: "Benchmarks/PromQL/Bench",
        swiftSettings: strict
    ),
]

let package = Package(
    name: "sidecar",
    products: [
        .executable(name: "sidecar", targets: ["sidecar"]),
        .executable(name: "booking-service", targets: ["booking-service"]),
        .library(name: "SidecarMetrics", targets: ["SidecarMetrics"]),
        .library(name: "Exposition", targets: ["Exposition"]),
        .library(name: "HTTPMetrics", targets: ["HTTPMetrics"]),
        .library(name: "HealthChecks", targets: ["HealthChecks"]),
        .library(name: "HealthProbes", targets: ["HealthProbes"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", exact: "1.7.3"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: metrics + healthChecks + alerts + clients + tools + programs + tests,
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
