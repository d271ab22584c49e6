// SPDX-License-Identifier: Apache-2.0

public import Exposition
public import Logging

/// The metrics of a process: hands out instruments and writes them out.
///
/// Nothing that is asked of it can take the process down. A name, label or bucket list that cannot be exported, or that
/// contradicts an earlier registration, yields an instrument that works and is not exported; that is counted in
/// `metrics_registration_conflicts_total` and logged once.
///
/// ```swift
/// let registry = MetricsRegistry()
/// let sent = registry.counter("mails_sent_total", help: "Mails handed to the server.")
/// sent.increment()
/// let body = registry.render(.openMetrics)
/// ```
public final class MetricsRegistry: Sendable {
    /// What a registry can be told.
    public struct Configuration: Sendable {
        /// Series per family; what comes after shares one overflow series.
        public var seriesLimit = 2_000
        /// Series that nobody touched for so long leave the output; nil keeps them. Series without labels and those of
        /// `CaseIterable` label sets stay.
        public var idleTimeout: Duration?
        /// Time that all callbacks of one rendering may take together.
        public var callbackBudget = Duration.milliseconds(50)
        /// Whether OpenMetrics and protobuf output tell when counters and histograms began.
        public var writesCreated = true
        /// Whether names outside `[a-zA-Z0-9_:]` are accepted; readers that cannot take them get them escaped.
        public var allowsUTF8Names = false
        /// Where problems are logged, at level warning and once for each.
        public var logger: Logger
        /// Unix time in milliseconds.
        public var clock: @Sendable () -> Int64

        /// Creates a configuration.
        /// - Parameters:
        ///   - logger: where problems are logged.
        ///   - clock: Unix time in milliseconds; nil takes the system's.
        public init(logger: Logger? = nil, clock: (@Sendable () -> Int64)? = nil) {
            self.logger = logger ?? Logger(label: "metrics")
            self.clock = clock ?? { SystemTime.nowMilliseconds() }
        }
    }

    let configuration: Configuration
    let reporter: RegistryReporter
    private let state = Guarded(State())
    /// A lock of its own: rendering waits for nothing but one insertion.
    private let sorted = Guarded(SortedPieces())
    private let lastSize = Guarded(16_384)

    private struct State {
        var collectors: [String: any MetricCollector] = [:]
        /// Names of samples, and the family that writes them.
        var sampleNames: [String: String] = [:]
    }

    /// A family in the list of all.
    private final class Listed: SortedEntry, @unchecked Sendable {
        let collector: any MetricCollector

        init(_ collector: any MetricCollector) {
            self.collector = collector
            super.init(sortKey: Array(collector.header.name.utf8))
        }
    }

    /// Creates a registry with its own four counters in it.
    /// - Parameter configuration: limits, clock and logger.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        self.reporter = RegistryReporter(configuration)
        for collector in reporter.collectors { register(collector) }
        let invalid = FamilyHeader(
            name: "metrics_invalid_updates_total",
            kind: .counter,
            help: "Negative increments and observations that are not numbers, ignored."
        )
        register(ReadingCollector(header: invalid) { [(.none, Double(InvalidUpdates.value))] })
    }

    // MARK: Registration

    /// Adds a collector; false when its names are taken.
    @discardableResult
    func register(_ collector: any MetricCollector) -> Bool {
        let names = MetricNames.samples(of: collector.header)
        return state.withLock { state in
            guard state.collectors[collector.header.name] == nil, names.allSatisfy({ state.sampleNames[$0] == nil })
            else { return false }
            insert(collector, names, into: &state)
            return true
        }
    }

    private func insert(_ collector: any MetricCollector, _ names: [String], into state: inout State) {
        let name = collector.header.name
        state.collectors[name] = collector
        for sample in names { state.sampleNames[sample] = name }
        let listed = Listed(collector)
        sorted.withLock { $0.insert(listed) }
    }

    /// The family of this name if it is the same in everything that matters, a new one if the name is free, and one
    /// that no output contains otherwise.
    func store<Item: Instrument>(
        _ name: String,
        help: String,
        unit: MetricUnit?,
        labelNames: [String],
        configuration itemConfiguration: Item.Configuration
    ) -> FamilyStore<Item> {
        let name = MetricNames.canonical(name, unit: unit, kind: Item.kind)
        let header = FamilyHeader(name: name, kind: Item.kind, help: help, unit: unit?.rawValue)
        let reporter = reporter
        let created = FamilyStore<Item>(
            header: header,
            labelNames: labelNames,
            configuration: itemConfiguration,
            limit: configuration.seriesLimit,
            clock: configuration.clock,
            report: { reporter.report($0) }
        )
        let utf8 = configuration.allowsUTF8Names
        let badBuckets = (itemConfiguration as? HistogramConfiguration)?.problem
        if let problem = badBuckets ?? MetricNames.problem(name, Item.kind, labelNames: labelNames, allowsUTF8: utf8) {
            reporter.report(.invalid(family: name, what: problem))
            return created
        }
        let samples = MetricNames.samples(of: header)
        let (result, conflict) = state.withLock { state -> (FamilyStore<Item>, String?) in
            if let existing = state.collectors[name] {
                guard let same = existing as? FamilyStore<Item> else { return (created, "another kind") }
                if same.labelNames.sorted() != labelNames.sorted() { return (created, "other labels") }
                if same.configuration != itemConfiguration { return (created, "other buckets") }
                let differs = same.header.help != header.help || same.header.unit != header.unit
                return (same, differs ? "another help text or unit" : nil)
            }
            for sample in samples {
                guard let taken = state.sampleNames[sample] else { continue }
                return (created, "its samples are named like those of \(taken)")
            }
            insert(created, samples, into: &state)
            return (created, nil)
        }
        if let conflict { reporter.report(.conflict(family: name, what: conflict)) }
        return result
    }

    // MARK: Output

    /// Writes all families, sorted by name, into a writer, without finishing it.
    /// - Parameters:
    ///   - writer: takes the families.
    ///   - filter: only the families that it allows.
    public func render(into writer: inout ExpositionWriter, filter: MetricNameFilter = .all) {
        for collector in prepared(filter) { collector.write(to: &writer, created: configuration.writesCreated) }
    }

    /// Writes all families into a document of their own.
    /// - Parameters:
    ///   - format: what to write.
    ///   - filter: only the families that it allows.
    /// - Returns: the whole document.
    public func render(_ format: ExpositionFormat, filter: MetricNameFilter = .all) -> [UInt8] {
        let size = lastSize.withLock { $0 }
        var writer = ExpositionWriter(format: format, capacity: size + size / 8)
        render(into: &writer, filter: filter)
        writer.finish()
        if filter.isEmpty {
            let count = writer.count
            lastSize.withLock { $0 = count }
        }
        return writer.bytes
    }

    /// All families as values, sorted by name, for a reader in the same process.
    /// - Parameter filter: only the families that it allows.
    public func gather(filter: MetricNameFilter = .all) -> [MetricFamily] {
        prepared(filter).compactMap { $0.snapshot() }
    }

    private func prepared(_ filter: MetricNameFilter) -> [any MetricCollector] {
        var collectors: [any MetricCollector] = []
        sorted.forEach { collectors.append(unsafe unsafeDowncast($0, to: Listed.self).collector) }
        if !filter.isEmpty { collectors.removeAll { !filter.allows($0.header) } }
        if let timeout = configuration.idleTimeout {
            let now = configuration.clock()
            let milliseconds = Int64(max(0, min(timeout.inSeconds, 1e9)) * 1_000)
            for collector in collectors { _ = collector.removeIdle(now: now, timeoutMilliseconds: milliseconds) }
        }
        let late = CallbackRound.run(collectors, budget: configuration.callbackBudget)
        for family in late { reporter.report(.callbackOverrun(family: family)) }
        return collectors
    }
}
