// SPDX-License-Identifier: Apache-2.0

import GoFormatting
import TimeSeries

extension Evaluator {
    mutating func aggregate(_ node: Aggregation, _ window: EvaluationWindow) throws(QueryError) -> Block {
        if node.operation == .countValues { return try countValues(node, window) }
        var parameter: [Double] = []
        if let expression = node.parameter {
            parameter = try scalar(expression, window)
            guard try checkParameter(node, parameter, expression.range) else { return Block(steps: window.count) }
        }
        if node.operation.selectsSeries { return try selectSeries(node, parameter, window) }
        if !node.expression.isStepInvariant || window.count == 1, var stream = try stream(node.expression, window) {
            let drops = stream.dropsMetadata
            if !delaysNameRemoval, !drops || stream.selection.handles.count < 2 || isSafelyUnique(stream) {
                return try aggregate(node, parameter, &stream, window)
            }
        }
        return try aggregate(node, parameter, try vector(node.expression, window), window)
    }

    /// Losing their names makes no two series of the stream alike.
    private func isSafelyUnique(_ stream: SeriesStream) -> Bool { stream.selection.isUniqueWithoutMetadata }

    /// Reads series after series and adds each to its group; nothing but the groups is held.
    private mutating func aggregate(
        _ node: Aggregation,
        _ parameter: [Double],
        _ stream: inout SeriesStream,
        _ window: EvaluationWindow
    ) throws(QueryError) -> Block {
        let key = Selection.GroupKey(
            labels: node.grouping.sorted(),
            isWithout: node.isWithout,
            dropsMetadata: stream.dropsMetadata
        )
        let grouping = stream.selection.grouping(key)
        var groups = GroupAccumulator(
            node,
            groups: grouping.labels.count,
            steps: window.count,
            parameter: parameter
        )
        try hold(grouping.labels.count * window.count)
        if let column = try sharedColumn(&stream) {
            // The column's own selection: series may have come and gone since.
            let grouping = column.selection.grouping(key)
            var groups = GroupAccumulator(node, groups: grouping.labels.count, steps: 1, parameter: parameter)
            for index in column.selection.handles.indices {
                try tick()
                groups.add(column.values, at: index, to: Int(grouping.indices[index]), &annotations)
            }
            return groups.block(labels: grouping.labels, &annotations)
        }
        if window.count == 1 {
            try readMoment(&stream) { index, value in
                groups.add(value, to: Int(grouping.indices[index]))
            } row: { index, row, annotations in
                groups.add(row, in: 0..<1, to: Int(grouping.indices[index]), &annotations)
            }
            return groups.block(labels: grouping.labels, &annotations)
        }
        var row = Row(steps: window.count)
        var looked = 0
        for index in stream.selection.handles.indices {
            try tick()
            looked += try stream.read(index, into: &row, &self)
            groups.add(row, in: stream.extent, to: Int(grouping.indices[index]), &annotations)
        }
        count(samples: looked, of: stream.selector)
        return groups.block(labels: grouping.labels, &annotations)
    }

    /// Reads all series at one moment, from the totals that the store keeps where it may: many under one look. Calls
    /// `total` for each series whose value they give, and then `row` for each of the others.
    mutating func readMoment(
        _ stream: inout SeriesStream,
        total: (_ index: Int, _ value: Double) -> Void,
        row body: (_ index: Int, _ row: Row, _ annotations: inout AnnotationSet) -> Void
    ) throws(QueryError) {
        var others: [Int]?
        var looked = 0
        if let totals = stream.totals(self) {
            var left: [Int] = []
            looked = try forEachTotal(totals, &stream, total) { left.append($0) }
            others = left
        }
        var row = Row(steps: 1)
        for index in others ?? Array(stream.selection.handles.indices) {
            try tick()
            looked += try stream.read(index, into: &row, &self)
            body(index, row, &annotations)
        }
        count(samples: looked, of: stream.selector)
    }

    /// Calls `body` for each series that has a rate at the moment, `other` for those that the totals say nothing of:
    /// histograms, numbers that are not finite, and series with nothing in the range. Returns the samples looked at.
    private mutating func forEachTotal(
        _ totals: (call: RangeCall, start: Int64, end: Int64),
        _ stream: inout SeriesStream,
        _ body: (_ index: Int, _ value: Double) -> Void,
        other: (_ index: Int) -> Void
    ) throws(QueryError) -> Int {
        let handles = stream.selection.handles
        let (function, start, end) = (totals.call.function, totals.start, totals.end)
        let haveOneName = stream.haveOneName
        var looked = 0
        // Those whose names a remark may be due on.
        var named: [Int] = []
        for slice in stride(from: 0, to: handles.count, by: Self.sliceLength) {
            try checkTime()
            let part = handles[slice..<Swift.min(handles.count, slice + Self.sliceLength)]
            reader.counterWindows(
                part,
                after: Timestamp(milliseconds: start),
                through: Timestamp(milliseconds: end)
            ) { position, window in
                let index = slice + position
                guard let window else {
                    other(index)
                    return
                }
                looked += window.count
                guard let value = Rates.extrapolated(function, window, start: start, end: end) else { return }
                if named.isEmpty || !haveOneName { named.append(index) }
                body(index, value)
            }
        }
        for index in named { stream.remark(on: handles[index].labels, totals.call, &annotations) }
        return looked
    }

    /// Series that are read between two looks at the clock.
    private static let sliceLength = 8192

    private mutating func aggregate(
        _ node: Aggregation,
        _ parameter: [Double],
        _ input: Block,
        _ window: EvaluationWindow
    ) throws(QueryError) -> Block {
        var builder = GroupingBuilder(labels: node.grouping.sorted(), isWithout: node.isWithout)
        let indices = input.series.map { builder.index(of: $0.labels) }
        var groups = GroupAccumulator(node, groups: builder.groups.count, steps: window.count, parameter: parameter)
        var dropsName = [Bool](repeating: false, count: builder.groups.count)
        for (series, group) in zip(input.series, indices) {
            try tick()
            groups.add(series.row, in: 0..<window.count, to: group, &annotations)
            if series.dropsName { dropsName[group] = true }
        }
        release(input.series.count * input.steps)
        return groups.block(labels: builder.groups, dropsName: dropsName, &annotations)
    }

    /// Remarks on the parameter and refuses what cannot be one; false when nothing can come out.
    private mutating func checkParameter(
        _ node: Aggregation,
        _ values: [Double],
        _ range: Range<Int>
    ) throws(QueryError) -> Bool {
        let hasNaN = values.contains(where: \.isNaN)
        let largest = values.filter { !$0.isNaN }.max() ?? -.infinity
        let smallest = values.filter { !$0.isNaN }.min() ?? .infinity
        switch node.operation {
        case .topk, .bottomk, .limitk:
            if !hasNaN, largest < 1 { return false }
            if hasNaN { throw .execution("Parameter value is NaN") }
            if smallest <= -0x1p63 {
                throw .execution("Scalar value \(GoFloat.general(smallest)) underflows int64")
            }
            if largest >= 9_223_372_036_854_774_784 {
                throw .execution("Scalar value \(GoFloat.general(largest)) overflows int64")
            }
        case .limitRatio:
            if !hasNaN, largest == 0, smallest == 0 { return false }
            if hasNaN { throw .execution("Ratio value is NaN") }
            if largest > 1 { annotations.invalidRatio(largest, cappedTo: 1, range) }
            if smallest < -1 { annotations.invalidRatio(smallest, cappedTo: -1, range) }
        case .quantile:
            if hasNaN { annotations.invalidQuantile(.nan, range) }
            if largest > 1 { annotations.invalidQuantile(largest, range) }
            if smallest < 0 { annotations.invalidQuantile(smallest, range) }
        default: break
        }
        return true
    }

    // MARK: count_values

    private mutating func countValues(_ node: Aggregation, _ window: EvaluationWindow) throws(QueryError) -> Block {
        guard case .string(let literal)? = node.parameter?.unwrapped else { throw .execution("expected a label name") }
        guard literal.isValidText, !literal.bytes.isEmpty else {
            throw .execution("invalid label name \(GoText.quote(literal.bytes))")
        }
        let input = try vector(node.expression, window)
        let label = literal.value
        let names = (node.isWithout ? node.grouping : node.grouping + [label]).sorted()
        var builder = GroupingBuilder(labels: names, isWithout: node.isWithout)
        var counts: [[Double]] = []
        for series in input.series {
            try tick()
            for step in 0..<window.count {
                guard let value = series.row.value(step) else { continue }
                let text: String
                switch value {
                case .float(let float): text = GoFloat.plain(float)
                case .histogram(let histogram): text = histogram.summary
                }
                let group = builder.index(of: series.labels.setting(label, to: text))
                if group == counts.count { counts.append([Double](repeating: 0, count: window.count)) }
                counts[group][step] += 1
            }
        }
        try hold(counts.count * window.count)
        var result = Block(steps: window.count)
        for (labels, steps) in zip(builder.groups, counts) {
            var row = Row(steps: window.count)
            for (step, count) in steps.enumerated() where count > 0 { row.set(step, count) }
            result.append(labels, row)
        }
        return result
    }
}
