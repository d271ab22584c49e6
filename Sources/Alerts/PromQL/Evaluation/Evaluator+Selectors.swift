// SPDX-License-Identifier: Apache-2.0

import TimeSeries

extension Evaluator {
    /// The series of a selector, from the cache while the store's series are the same.
    mutating func resolve(_ node: VectorSelector) throws(QueryError) -> Selection {
        let selection = try resolve(node.matchers)
        var entry = QueryStatistics.Selector(text: node.base, range: node.range)
        entry.series = selection.handles.count
        if !statistics.selectors.contains(where: { $0.range == entry.range && $0.text == entry.text }) {
            statistics.selectors.append(entry)
            statistics.series += selection.handles.count
        }
        return selection
    }

    mutating func resolve(_ matchers: [LabelMatcher]) throws(QueryError) -> Selection {
        if let known = cache.selection(matchers, reader), known.handles.count <= limits.series { return known }
        return try cache.select(matchers, reader, limit: limits.series)
    }

    mutating func count(samples: Int, of node: VectorSelector) {
        statistics.samples += samples
        guard let index = statistics.selectors.firstIndex(where: { $0.range == node.range }) else { return }
        statistics.selectors[index].samples += samples
    }

    /// An instant vector: the newest sample of each series that is not older than the lookback.
    mutating func select(_ node: VectorSelector, _ window: EvaluationWindow) throws(QueryError) -> Block {
        let selection = try resolve(node)
        var stream = SeriesStream(source: .selector(node), selection: selection, window: window)
        // A few series are sooner read than looked up.
        if selection.handles.count > 8, let column = try sharedColumn(&stream) {
            return try block(of: column, drops: false)
        }
        var block = Block(steps: window.count)
        var source = SeriesSource(selector: node, selection: selection)
        var samples = 0
        var row = Row(steps: window.count)
        while let index = source.next() {
            try tick()
            try read(node, selection.handles[index], window, into: &row, &source.columns)
            guard !row.isEmpty else { continue }
            samples += window.count
            try hold(window.count)
            block.append(selection.handles[index].labels, row)
            row = Row(steps: window.count)
        }
        count(samples: samples, of: node)
        return block
    }

    /// The values of one series at every step.
    mutating func read(
        _ node: VectorSelector,
        _ handle: SeriesHandle,
        _ window: EvaluationWindow,
        into row: inout Row,
        _ columns: inout SampleColumns
    ) throws(QueryError) {
        row.clear()
        let offset = try milliseconds(node.offset, mayBeNegative: true)
        if node.isSmoothed {
            try readSmoothed(node, handle, window, offset: offset, into: &row, &columns)
            return
        }
        if window.count == 1 || node.at != nil {
            let moment = Timestamp(milliseconds: reference(window.start, at: node.at, offset: offset))
            guard let (_, value) = reader.latest(handle, at: moment, lookback: configuration.lookback) else { return }
            if case .float(let float) = value, StaleMarker.isStale(float) { return }
            for step in 0..<window.count { row.set(step, value) }
            return
        }
        let first = window.start.clampedDifference(offset)
        let last = window.end.clampedDifference(offset)
        columns.removeAll()
        reader.samples(
            handle,
            after: Timestamp(milliseconds: first.clampedDifference(lookback)),
            through: Timestamp(milliseconds: last),
            into: &columns
        )
        guard !columns.isEmpty else { return }
        var next = 0
        for step in 0..<window.count {
            let moment = window.time(step).clampedDifference(offset)
            while next < columns.count, columns.timestamps[next].milliseconds <= moment { next += 1 }
            guard next > 0, columns.timestamps[next - 1].milliseconds > moment.clampedDifference(lookback) else {
                continue
            }
            switch columns.value(at: next - 1) {
            case .float(let value): if !StaleMarker.isStale(value) { row.set(step, value) }
            case .histogram(let histogram): row.set(step, histogram)
            }
        }
    }

    /// Straight lines between the samples around each step, each at most the lookback away.
    private mutating func readSmoothed(
        _ node: VectorSelector,
        _ handle: SeriesHandle,
        _ window: EvaluationWindow,
        offset: Int64,
        into row: inout Row,
        _ columns: inout SampleColumns
    ) throws(QueryError) {
        var samples = RangeSamples()
        let first = reference(window.start, at: node.at, offset: offset)
        let last = reference(window.end, at: node.at, offset: offset)
        load(
            handle,
            after: first.clampedDifference(lookback),
            through: last.clampedSum(lookback),
            into: &samples,
            &columns
        )
        for step in 0..<window.count {
            let moment = reference(window.time(step), at: node.at, offset: offset)
            samples.narrow(after: moment.clampedDifference(lookback), through: moment.clampedSum(lookback))
            try tick(samples: samples.count)
            if let value = samples.interpolated(at: moment) { row.set(step, value) }
        }
    }

    /// All samples of a series in a span, stale markers left out, floats and histograms apart.
    func load(
        _ handle: SeriesHandle,
        after start: Int64,
        through end: Int64,
        into samples: inout RangeSamples,
        _ columns: inout SampleColumns
    ) {
        columns.removeAll()
        reader.samples(
            handle,
            after: Timestamp(milliseconds: start),
            through: Timestamp(milliseconds: end),
            into: &columns
        )
        samples.fill(from: columns)
    }

    /// The samples that a range vector holds at one moment, for a query that asks for just them.
    mutating func rangeVector(_ expression: Expression, at time: Int64) throws(QueryError) -> [SeriesSamples] {
        switch expression.unwrapped {
        case .matrix(let node):
            let selection = try resolve(node.selector)
            let offset = try milliseconds(node.selector.offset, mayBeNegative: true)
            let length = try milliseconds(node.length)
            let end = reference(time, at: node.selector.at, offset: offset)
            var columns = SampleColumns()
            var samples = RangeSamples()
            var result: [SeriesSamples] = []
            for handle in selection.handles {
                try tick()
                let start = end.clampedDifference(length)
                if node.selector.isAnchored || node.selector.isSmoothed {
                    let reach = node.selector.isSmoothed ? lookback : 0
                    let from = start.clampedDifference(lookback)
                    load(handle, after: from, through: end.clampedSum(reach), into: &samples, &columns)
                    samples.extend(from: start, through: end, isSmoothed: node.selector.isSmoothed)
                } else {
                    load(handle, after: start, through: end, into: &samples, &columns)
                }
                guard !samples.isEmpty else { continue }
                try hold(samples.count)
                count(samples: samples.count, of: node.selector)
                result.append(SeriesSamples(labels: handle.labels, samples: samples.timedValues))
            }
            return result
        case .subquery(let node):
            let (block, inner) = try subquery(node, EvaluationWindow.instant(time))
            return block.series.compactMap { series in
                let values = (0..<inner.count).compactMap { step in
                    series.row.value(step).map {
                        SeriesSamples.TimedValue(timestamp: Timestamp(milliseconds: inner.time(step)), value: $0)
                    }
                }
                return values.isEmpty ? nil : SeriesSamples(labels: series.labels, samples: values)
            }
        default: throw .execution("expected a range vector")
        }
    }
}

/// Walks the series of a selection, with scratch space that is used again from series to series.
struct SeriesSource {
    let selector: VectorSelector
    let selection: Selection
    var columns = SampleColumns()
    private var position = 0

    init(selector: VectorSelector, selection: Selection) {
        self.selector = selector
        self.selection = selection
    }

    mutating func next() -> Int? {
        guard position < selection.handles.count else { return nil }
        defer { position += 1 }
        return position
    }
}
