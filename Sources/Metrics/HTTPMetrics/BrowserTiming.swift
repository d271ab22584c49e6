// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
public import Hummingbird
import NIOCore
public import SidecarMetrics
import Synchronization

/// Takes the timings that browsers send with `navigator.sendBeacon` and turns them into histograms.
///
/// A beacon is a JSON object of at most 4 KiB: `{"page": "/boxes", "ttfb": 120, "load": 890}`; times are milliseconds
/// since the start of the navigation. Everything in it is a stranger's word: pages outside the configured list count
/// as `other`, unknown keys are ignored, times outside 0 to 10 minutes make the beacon invalid, and no more than so
/// many beacons a second are read. The answer is 204, 400, 413 or 429; `browser_beacons_total{outcome}` counts them.
public final class BrowserTiming: Sendable {
    /// What is accepted.
    public struct Configuration: Sendable {
        /// Pages that get series of their own.
        public var pages: Set<String>
        /// Beacons accepted per second; the same number may come at once.
        public var beaconsPerSecond = 50
        /// Longest body.
        public var bodyLimit = 4_096
        /// A clock in nanoseconds that never goes back; nil takes the system's.
        public var monotonicClock: (@Sendable () -> Int64)?

        /// Creates a configuration.
        /// - Parameter pages: pages that get series of their own.
        public init(pages: Set<String>) { self.pages = pages }
    }

    private let configuration: Configuration
    private let timings: Family<TimingLabels, Histogram>
    private let beacons: Family<BeaconOutcome, Counter>
    private let bucket: Mutex<TokenBucket>

    /// Registers the metrics.
    /// - Parameters:
    ///   - registry: where.
    ///   - configuration: what is accepted.
    public init(registry: MetricsRegistry, configuration: Configuration) {
        self.configuration = configuration
        timings = registry.histogram(
            "browser_timing_seconds",
            help: "Page timings as browsers measured them, by page and phase.",
            unit: .seconds,
            labels: TimingLabels.self,
            .latency
        )
        beacons = registry.counter(
            "browser_beacons_total",
            help: "Beacons from browsers by outcome.",
            labels: BeaconOutcome.self
        )
        bucket = Mutex(TokenBucket(perSecond: configuration.beaconsPerSecond))
    }

    /// Adds `POST /beacon`.
    /// - Parameters:
    ///   - router: takes the route.
    ///   - path: where.
    public func addRoute<Context: RequestContext>(to router: some RouterMethods<Context>, path: String = "/beacon") {
        router.post(RouterPath(path)) { request, _ in await self.respond(to: request) }
    }

    /// Answers one beacon.
    /// - Parameter request: its body is the beacon.
    public func respond(to request: Request) async -> Response {
        let outcome = await receive(request)
        beacons.increment(outcome)
        return Response(status: outcome.status)
    }

    private func receive(_ request: Request) async -> BeaconOutcome {
        let now = configuration.monotonicClock?() ?? SystemTime.monotonicNanoseconds()
        guard bucket.withLock({ $0.take(now) }) else { return .limited }
        var bytes: [UInt8] = []
        do {
            for try await buffer in request.body {
                guard bytes.count + buffer.readableBytes <= configuration.bodyLimit else { return .tooLarge }
                bytes.append(contentsOf: buffer.readableBytesView)
            }
        } catch {
            // The browser went away in the middle; there is nobody to tell.
            return .invalid
        }
        guard let beacon = BrowserBeacon(bytes) else { return .invalid }
        let page = configuration.pages.contains(beacon.page) ? beacon.page : "other"
        for (phase, seconds) in beacon.timings { timings.observe(seconds, TimingLabels(page: page, phase: phase)) }
        return .accepted
    }
}

private enum BeaconOutcome: String, LabelEnum {
    static let labelName = "outcome"
    case accepted, invalid, limited
    case tooLarge = "too_large"

    var status: HTTPResponse.Status {
        switch self {
        case .accepted: .noContent
        case .invalid: .badRequest
        case .limited: .tooManyRequests
        case .tooLarge: .contentTooLarge
        }
    }
}

private struct TimingLabels: LabelSet {
    static let labelNames = ["page", "phase"]
    var page: String
    var phase: BrowserPhase

    func encode(to values: inout some LabelEncoder) {
        values.append(page)
        values.append(phase)
    }
}

/// Allows a number of things per second; unused permission is kept for one second.
struct TokenBucket {
    private let perSecond: Int64
    private var available: Int64
    private var updated: Int64?

    init(perSecond: Int) {
        self.perSecond = Int64(min(max(perSecond, 0), 1_000_000))
        available = self.perSecond * 1_000_000_000
    }

    /// Takes one; false when there is none. Counts in billionths, so that nothing is lost to rounding.
    mutating func take(_ nanoseconds: Int64) -> Bool {
        let most = perSecond * 1_000_000_000
        let elapsed = min(max(0, nanoseconds &- (updated ?? nanoseconds)), 1_000_000_000)
        updated = nanoseconds
        available = min(most, available + elapsed * perSecond)
        guard available >= 1_000_000_000 else { return false }
        available -= 1_000_000_000
        return true
    }
}
