// SPDX-License-Identifier: Apache-2.0

import Exposition
import SidecarMetrics
import Synchronization

/// The instruments of one route and method, found once per request by the route's template.
@safe
final class RouteInstruments: Sendable {
    let route: String
    /// What it was made for; the identity means something as long as the key lives.
    private let key: RouteKey
    let identity: RouteKey.Identity
    let method: KnownMethod
    let isSecure: Bool
    private let isExcluded: Bool
    private let active: UpDownCounter?
    private let classicInFlight: UpDownCounter?
    private let families: HTTPFamilies
    private let buckets: HistogramConfiguration?
    private let outcomes = PublishedTable<OutcomeInstruments>(limit: mostOutcomes)
    /// The one of them that came first without a cause: most requests end like it.
    private let usual: Atomic<Unmanaged<OutcomeInstruments>?>

    /// Causes of failures beyond so many outcomes share one. Statuses are at most a thousand.
    private static let mostOutcomes = 64
    private static let otherError = "_OTHER"

    init(
        route: String,
        method: KnownMethod,
        isSecure: Bool,
        key: RouteKey,
        isExcluded: Bool,
        families: HTTPFamilies,
        buckets: HistogramConfiguration?
    ) {
        self.route = route
        self.key = key
        self.identity = key.identity
        self.method = method
        self.isSecure = isSecure
        self.isExcluded = isExcluded
        self.families = families
        self.buckets = buckets
        unsafe self.usual = Atomic(nil)
        let labels = ActiveLabels(method: method.labelValue, scheme: Self.scheme(isSecure))
        self.active = isExcluded ? nil : families.active?[labels]
        self.classicInFlight = isExcluded ? nil : families.classicInFlight
    }

    /// Counts a request in; false when the route is left out.
    func began() -> Bool {
        guard !isExcluded else { return false }
        active?.increment()
        classicInFlight?.increment()
        return true
    }

    func ended() {
        active?.decrement()
        classicInFlight?.decrement()
    }

    /// The instruments of a status and, unless it is empty, a cause; they live as long as the route's.
    func outcome(_ status: Int, _ errorType: String) -> Unmanaged<OutcomeInstruments> {
        if errorType.isEmpty, let usual = unsafe usual.load(ordering: .acquiring),
            unsafe usual._withUnsafeGuaranteedRef({ $0.status == status })
        {
            return unsafe usual
        }
        return unsafe search(status, errorType)
    }

    @inline(never)
    private func search(_ status: Int, _ errorType: String) -> Unmanaged<OutcomeInstruments> {
        var hash = UInt64(truncatingIfNeeded: status) &* 0x9e37_79b9_7f4a_7c15
        if !errorType.isEmpty {
            var hasher = LabelHasher(seed: hash)
            hasher.append(errorType)
            hash = hasher.state
        }
        if let known = unsafe outcomes.find(hash, { $0.status == status && $0.errorType == errorType }) {
            return unsafe known
        }
        let isBounded = errorType.isEmpty || errorType == Self.otherError
        // Making an outcome makes its series.
        guard isBounded || !outcomes.isFull else { return unsafe outcome(status, Self.otherError) }
        let added = unsafe outcomes.add(makeOutcome(status, errorType), hash, always: isBounded) {
            $0.status == status && $0.errorType == errorType
        }
        if errorType.isEmpty, let added = unsafe added {
            _ = unsafe usual.compareExchange(expected: nil, desired: added, ordering: .acquiringAndReleasing)
        }
        return unsafe added ?? outcome(status, Self.otherError)
    }

    private func makeOutcome(_ status: Int, _ errorType: String) -> OutcomeInstruments {
        let labels = RequestLabels(
            method: method.labelValue,
            route: route,
            status: status,
            scheme: Self.scheme(isSecure),
            errorType: errorType
        )
        let classic = ClassicLabels(method: method.labelValue, route: route, code: status)
        if let buckets {
            families.duration?.create(labels, configuration: buckets)
            families.classicDuration?.create(classic, configuration: buckets)
        }
        return OutcomeInstruments(
            status: status,
            errorType: errorType,
            duration: families.duration?[labels],
            requestSize: families.requestSize?[labels],
            responseSize: families.responseSize?[labels],
            classicTotal: families.classicTotal?[classic],
            classicDuration: families.classicDuration?[classic]
        )
    }

    private static func scheme(_ isSecure: Bool) -> String { isSecure ? "https" : "http" }
}

/// The instruments of one status; handles, so that recording looks nothing up.
final class OutcomeInstruments: Sendable {
    let status: Int
    let errorType: String
    let duration: Histogram?
    let requestSize: Histogram?
    let responseSize: Histogram?
    let classicTotal: Counter?
    let classicDuration: Histogram?

    init(
        status: Int,
        errorType: String,
        duration: Histogram?,
        requestSize: Histogram?,
        responseSize: Histogram?,
        classicTotal: Counter?,
        classicDuration: Histogram?
    ) {
        self.status = status
        self.errorType = errorType
        self.duration = duration
        self.requestSize = requestSize
        self.responseSize = responseSize
        self.classicTotal = classicTotal
        self.classicDuration = classicDuration
    }

    /// Records a request.
    /// - Parameters:
    ///   - requestBytes: what the client announced.
    ///   - responseBytes: nil when it is not known.
    func record(seconds: Double, trace: TraceParent?, requestBytes: Int, responseBytes: Int?) {
        if let trace, let duration {
            duration.observe(seconds, exemplar: ["trace_id": trace.traceID, "span_id": trace.spanID])
        } else {
            duration?.observe(seconds)
        }
        requestSize?.observe(Double(requestBytes))
        if let responseBytes { responseSize?.observe(Double(responseBytes)) }
        classicTotal?.increment()
        classicDuration?.observe(seconds)
    }
}
