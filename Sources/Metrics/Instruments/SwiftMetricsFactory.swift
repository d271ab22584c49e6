// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics
import Exposition

/// Makes a registry the backend of swift-metrics, so that what Hummingbird, NIO and other packages record shows up.
///
/// ```swift
/// MetricsSystem.bootstrap(SwiftMetricsFactory(registry: registry))
/// ```
/// Names become classic ones (`http.server.request.duration` → `http_server_request_duration_seconds`): counters end
/// in `_total`, timers are histograms in seconds. Dimensions become labels; their order does not matter, and label sets
/// may differ within a name. Handlers of one name and one label set share one series.
public struct SwiftMetricsFactory: CoreMetrics.MetricsFactory {
    /// How foreign metrics are turned into ours.
    public struct Configuration: Sendable {
        /// Buckets of timers, in seconds.
        public var timerBuckets = HistogramConfiguration.latency
        /// Buckets of recorders that aggregate, unless their name says bytes.
        public var recorderBuckets = HistogramConfiguration.buckets([
            1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000, 1_000_000,
        ])
        /// Buckets of recorders whose name ends in `bytes` or `size`.
        public var sizeBuckets = HistogramConfiguration.bytes
        /// Buckets by the name that swift-metrics knows, such as `http.server.request.duration`.
        public var buckets: [String: HistogramConfiguration] = [:]
        /// Help texts by the name that swift-metrics knows; it has no help texts itself.
        public var help: [String: String] = [:]

        /// Creates the default configuration.
        public init() {}
    }

    private let registry: MetricsRegistry
    private let configuration: Configuration

    /// Creates a factory.
    /// - Parameters:
    ///   - registry: takes the metrics.
    ///   - configuration: buckets and help texts.
    public init(registry: MetricsRegistry, configuration: Configuration = Configuration()) {
        self.registry = registry
        self.configuration = configuration
    }

    private func instrument<Item: Instrument>(
        _ label: String,
        _ dimensions: [(String, String)],
        unit: MetricUnit? = nil,
        configuration itemConfiguration: Item.Configuration
    ) -> (item: Item, store: FamilyStore<Item>, labels: SeriesLabels) {
        let store: FamilyStore<Item> = registry.store(
            MetricNames.sanitized(label, isLabel: false),
            help: configuration.help[label] ?? "Recorded through swift-metrics.",
            unit: unit,
            labelNames: [],
            configuration: itemConfiguration
        )
        let reserved = Item.kind == .histogram ? "le" : ""
        let pairs = dimensions.map { name, value in
            let name = MetricNames.sanitized(name, isLabel: true)
            return (name: name == reserved ? name + "_" : name, value: value)
        }
        return (store.series(pairs).item, store, SeriesLabels(pairs.filter { !$0.value.isEmpty }))
    }

    /// Makes a counter.
    /// - Parameters:
    ///   - label: its name.
    ///   - dimensions: its labels.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CoreMetrics.CounterHandler {
        ForeignCounter(instrument(label, dimensions, configuration: NoConfiguration()))
    }

    /// Makes a counter of floating-point numbers.
    /// - Parameters:
    ///   - label: its name.
    ///   - dimensions: its labels.
    public func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any CoreMetrics.FloatingPointCounterHandler {
        ForeignCounter(instrument(label, dimensions, configuration: NoConfiguration()))
    }

    /// Makes a gauge.
    /// - Parameters:
    ///   - label: its name.
    ///   - dimensions: its labels.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any CoreMetrics.MeterHandler {
        ForeignGauge(instrument(label, dimensions, configuration: NoConfiguration()))
    }

    /// Makes a histogram, or a gauge when it shall not aggregate.
    /// - Parameters:
    ///   - label: its name.
    ///   - dimensions: its labels.
    ///   - aggregate: whether it is a histogram.
    public func makeRecorder(
        label: String,
        dimensions: [(String, String)],
        aggregate: Bool
    ) -> any CoreMetrics.RecorderHandler {
        guard aggregate else { return ForeignGauge(instrument(label, dimensions, configuration: NoConfiguration())) }
        let name = MetricNames.sanitized(label, isLabel: false)
        let isSize = name.hasBytes(atEnd: "bytes") || name.hasBytes(atEnd: "size")
        let buckets =
            configuration.buckets[label]
            ?? (isSize ? configuration.sizeBuckets : configuration.recorderBuckets)
        return ForeignHistogram(instrument(label, dimensions, configuration: buckets))
    }

    /// Makes a histogram of durations in seconds.
    /// - Parameters:
    ///   - label: its name.
    ///   - dimensions: its labels.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any CoreMetrics.TimerHandler {
        let buckets = configuration.buckets[label] ?? configuration.timerBuckets
        return ForeignHistogram(instrument(label, dimensions, unit: .seconds, configuration: buckets))
    }

    /// Takes a counter's series out of the output.
    /// - Parameter handler: the counter.
    public func destroyCounter(_ handler: any CoreMetrics.CounterHandler) {
        (handler as? ForeignCounter)?.destroy()
    }

    /// Takes a counter's series out of the output.
    /// - Parameter handler: the counter.
    public func destroyFloatingPointCounter(_ handler: any CoreMetrics.FloatingPointCounterHandler) {
        (handler as? ForeignCounter)?.destroy()
    }

    /// Takes a gauge's series out of the output.
    /// - Parameter handler: the gauge.
    public func destroyMeter(_ handler: any CoreMetrics.MeterHandler) {
        (handler as? ForeignGauge)?.destroy()
    }

    /// Takes a recorder's series out of the output.
    /// - Parameter handler: the recorder.
    public func destroyRecorder(_ handler: any CoreMetrics.RecorderHandler) {
        (handler as? ForeignHistogram)?.destroy()
        (handler as? ForeignGauge)?.destroy()
    }

    /// Takes a timer's series out of the output.
    /// - Parameter handler: the timer.
    public func destroyTimer(_ handler: any CoreMetrics.TimerHandler) {
        (handler as? ForeignHistogram)?.destroy()
    }
}

private final class ForeignCounter: CoreMetrics.CounterHandler, CoreMetrics.FloatingPointCounterHandler {
    private let series: (item: Counter, store: FamilyStore<Counter>, labels: SeriesLabels)

    init(_ series: (item: Counter, store: FamilyStore<Counter>, labels: SeriesLabels)) { self.series = series }

    func increment(by amount: Int64) { series.item.increment(by: Int(amount)) }

    func increment(by amount: Double) { series.item.increment(by: amount) }

    /// A counter that goes back to zero means to readers that the process began anew; it stays as it is.
    func reset() {}

    func destroy() { _ = series.store.remove(series.labels) }
}

private final class ForeignGauge: CoreMetrics.MeterHandler, CoreMetrics.RecorderHandler {
    private let series: (item: Gauge, store: FamilyStore<Gauge>, labels: SeriesLabels)

    init(_ series: (item: Gauge, store: FamilyStore<Gauge>, labels: SeriesLabels)) { self.series = series }

    func set(_ value: Int64) { series.item.set(Double(value)) }

    func set(_ value: Double) { series.item.set(value) }

    func increment(by amount: Double) { series.item.increment(by: amount) }

    func decrement(by amount: Double) { series.item.decrement(by: amount) }

    func record(_ value: Int64) { set(value) }

    func record(_ value: Double) { set(value) }

    func destroy() { _ = series.store.remove(series.labels) }
}

private final class ForeignHistogram: CoreMetrics.RecorderHandler, CoreMetrics.TimerHandler {
    private let series: (item: Histogram, store: FamilyStore<Histogram>, labels: SeriesLabels)

    init(_ series: (item: Histogram, store: FamilyStore<Histogram>, labels: SeriesLabels)) { self.series = series }

    func record(_ value: Int64) { series.item.observe(Double(value)) }

    func record(_ value: Double) { series.item.observe(value) }

    func recordNanoseconds(_ duration: Int64) { series.item.observe(Double(max(0, duration)) / 1e9) }

    func destroy() { _ = series.store.remove(series.labels) }
}
