// SPDX-License-Identifier: Apache-2.0

public import Exposition

/// A name may be given with or without its unit and with or without `_total`; both are added where they are missing.
/// Asking twice for the same thing gives the same instrument.
extension MetricsRegistry {
    /// A counter without labels.
    /// - Parameters:
    ///   - name: such as `mails_sent_total`.
    ///   - help: one sentence.
    ///   - unit: base unit, if it has one.
    public func counter(_ name: String, help: String, unit: MetricUnit? = nil) -> Counter {
        single(name, help: help, unit: unit, configuration: NoConfiguration())
    }

    /// A counter with labels.
    /// - Parameters:
    ///   - name: such as `bookings_total`.
    ///   - help: one sentence.
    ///   - unit: base unit, if it has one.
    ///   - labels: the type of its label set.
    public func counter<Labels: LabelSet>(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        labels: Labels.Type
    ) -> Family<Labels, Counter> {
        family(name, help: help, unit: unit, configuration: NoConfiguration())
    }

    /// A gauge without labels.
    /// - Parameters:
    ///   - name: such as `queue_jobs`.
    ///   - help: one sentence.
    ///   - unit: base unit, if it has one.
    public func gauge(_ name: String, help: String, unit: MetricUnit? = nil) -> Gauge {
        single(name, help: help, unit: unit, configuration: NoConfiguration())
    }

    /// A gauge with labels.
    /// - Parameters:
    ///   - name: such as `queue_jobs`.
    ///   - help: one sentence.
    ///   - unit: base unit, if it has one.
    ///   - labels: the type of its label set.
    public func gauge<Labels: LabelSet>(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        labels: Labels.Type
    ) -> Family<Labels, Gauge> {
        family(name, help: help, unit: unit, configuration: NoConfiguration())
    }

    /// A number of things that come and go, without labels.
    /// - Parameters:
    ///   - name: such as `streams_open`.
    ///   - help: one sentence.
    ///   - unit: base unit, if it has one.
    public func upDownCounter(_ name: String, help: String, unit: MetricUnit? = nil) -> UpDownCounter {
        single(name, help: help, unit: unit, configuration: NoConfiguration())
    }

    /// A number of things that come and go, with labels.
    /// - Parameters:
    ///   - name: such as `streams_open`.
    ///   - help: one sentence.
    ///   - unit: base unit, if it has one.
    ///   - labels: the type of its label set.
    public func upDownCounter<Labels: LabelSet>(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        labels: Labels.Type
    ) -> Family<Labels, UpDownCounter> {
        family(name, help: help, unit: unit, configuration: NoConfiguration())
    }

    /// A histogram without labels.
    /// - Parameters:
    ///   - name: such as `render_duration_seconds`.
    ///   - help: one sentence.
    ///   - unit: base unit, if it has one.
    ///   - configuration: its buckets.
    public func histogram(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        _ configuration: HistogramConfiguration = .latency
    ) -> Histogram {
        single(name, help: help, unit: unit, configuration: configuration)
    }

    /// A histogram with labels.
    /// - Parameters:
    ///   - name: such as `render_duration_seconds`.
    ///   - help: one sentence.
    ///   - unit: base unit, if it has one.
    ///   - labels: the type of its label set.
    ///   - configuration: its buckets.
    public func histogram<Labels: LabelSet>(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        labels: Labels.Type,
        _ configuration: HistogramConfiguration = .latency
    ) -> Family<Labels, Histogram> {
        family(name, help: help, unit: unit, configuration: configuration)
    }

    /// A family of instruments of the service's own type.
    /// - Parameters:
    ///   - name: the metric's name.
    ///   - help: one sentence.
    ///   - unit: base unit, if it has one.
    ///   - labels: the type of its label set.
    ///   - configuration: what all its series share.
    public func family<Labels: LabelSet, Item: Instrument>(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        labels: Labels.Type = Labels.self,
        configuration: Item.Configuration
    ) -> Family<Labels, Item> {
        Family(
            store: store(
                name,
                help: help,
                unit: unit,
                labelNames: Labels.labelNames,
                configuration: configuration
            )
        )
    }

    private func single<Item: Instrument>(
        _ name: String,
        help: String,
        unit: MetricUnit?,
        configuration: Item.Configuration
    ) -> Item {
        let store: FamilyStore<Item> = store(
            name,
            help: help,
            unit: unit,
            labelNames: [],
            configuration: configuration
        )
        return store.series([], permanent: true).item
    }

    /// A gauge or counter whose values are read when they are asked for.
    ///
    /// The function runs on a thread of its own; one that takes longer than the registry's budget is left out of the
    /// output, counted in `metrics_callback_overruns_total`, and not called again before it has returned.
    /// - Parameters:
    ///   - name: the metric's name.
    ///   - help: one sentence.
    ///   - unit: base unit, if it has one.
    ///   - kind: gauge or counter.
    ///   - read: one value per label set; label sets may differ from call to call.
    public func observable(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        kind: MetricKind = .gauge,
        read: @escaping @Sendable () -> [(labels: SeriesLabels, value: Double)]
    ) {
        let name = MetricNames.canonical(name, unit: unit, kind: kind)
        let header = FamilyHeader(name: name, kind: kind, help: help, unit: unit?.rawValue)
        add(CallbackCollector(header: header, limit: configuration.seriesLimit, read: read), named: name)
    }

    /// A gauge whose value is read when it is asked for; see `observable`.
    /// - Parameters:
    ///   - name: the metric's name.
    ///   - help: one sentence.
    ///   - unit: base unit, if it has one.
    ///   - read: the value, nil when it is unknown.
    public func gauge(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        read: @escaping @Sendable () -> Double?
    ) {
        observable(name, help: help, unit: unit) { read().map { [(SeriesLabels.none, $0)] } ?? [] }
    }

    /// Facts as labels with the value 1, such as `build_info`.
    /// - Parameters:
    ///   - name: ends in `_info`, which is added if it is missing.
    ///   - help: one sentence.
    ///   - labels: the facts; those with an empty value are left out.
    public func info(_ name: String, help: String, labels: [(name: String, value: String)]) {
        let header = FamilyHeader(name: name, kind: .info, help: help)
        let labels = labels.filter { !$0.value.isEmpty }
        let series = SeriesLabels(labels)
        add(ReadingCollector(header: header) { [(series, 1)] }, named: name, labelNames: labels.map(\.name))
    }

    /// One of several states as one series per state.
    /// - Parameters:
    ///   - name: also the name of the label that tells the states apart.
    ///   - help: one sentence.
    ///   - initial: the state at the start.
    ///   - labels: further labels of the series.
    public func stateSet<State: LabelValue & CaseIterable>(
        _ name: String,
        help: String,
        initial: State,
        labels: [(name: String, value: String)] = []
    ) -> StateSet<State> {
        let header = FamilyHeader(name: name, kind: .stateSet, help: help)
        let result = StateSet(header: header, initial: initial, labels: labels)
        add(result.collector, named: name, labelNames: labels.map(\.name))
        return result
    }

    /// Registers what is no family of instruments, or reports why it cannot be.
    private func add(_ collector: any MetricCollector, named name: String, labelNames: [String] = []) {
        let header = collector.header
        let allowsUTF8 = configuration.allowsUTF8Names
        if let problem = MetricNames.problem(name, header.kind, labelNames: labelNames, allowsUTF8: allowsUTF8) {
            reporter.report(.invalid(family: header.name, what: problem))
        } else if !register(collector) {
            reporter.report(.conflict(family: header.name, what: "the name is taken"))
        }
    }
}
