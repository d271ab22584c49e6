// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Series that are read from the store one after the other, so that an aggregation need not hold them all.
struct SeriesStream {
    enum Source {
        case selector(VectorSelector)
        case range(RangeCall, MatrixSelector, length: Int64, offset: Int64, parameters: [[Double]])
    }

    let source: Source
    let selection: Selection
    let window: EvaluationWindow
    private var columns = SampleColumns()
    private var samples = RangeSamples()
    private var plan = RatePlan()
    /// Reads what needs no look at every sample; nil where each has to be looked at.
    private var steps: StepReader?
    private var namesSeen: Set<String> = []
    /// All series have one name, and it was looked at.
    private var knowsTheName = false
    let haveOneName: Bool

    init(source: Source, selection: Selection, window: EvaluationWindow) {
        self.source = source
        self.selection = selection
        self.window = window
        extent = 0..<window.count
        let selector = Self.selector(of: source)
        haveOneName = selector.matchers.contains { $0.name == ReservedLabels.name && $0.operation == .equal }
    }

    private static func selector(of source: Source) -> VectorSelector {
        switch source {
        case .selector(let selector): selector
        case .range(_, let matrix, _, _, _): matrix.selector
        }
    }

    /// Lets series be read at the samples that decide alone, where that will do.
    mutating func prepareSteps(_ evaluator: Evaluator) throws(QueryError) {
        guard window.count > 1, selector.at == nil, !selector.isSmoothed, !selector.isAnchored else { return }
        switch source {
        case .selector(let node):
            let offset = try evaluator.milliseconds(node.offset, mayBeNegative: true)
            let first = window.start.clampedDifference(offset)
            steps = StepReader(.latest(lookback: evaluator.lookback), first: first, window)
        case .range(let call, _, let length, let offset, _):
            guard Self.usesTotals(call.function) else { return }
            let first = window.start.clampedDifference(offset)
            steps = StepReader(.rate(call.function, length: length), first: first, window)
        }
    }

    /// The steps that the row last read may have values at.
    private(set) var extent: Range<Int>

    /// True when the function makes something else of what the name said.
    var dropsMetadata: Bool {
        guard case .range(let call, _, _, _, _) = source else { return false }
        return call.function != .last && call.function != .first
    }

    var selector: VectorSelector { Self.selector(of: source) }

    /// The call and the bounds of its one range, where the store's totals can answer it.
    func totals(_ evaluator: Evaluator) -> (call: RangeCall, start: Int64, end: Int64)? {
        guard window.count == 1, case .range(let call, let matrix, let length, let offset, _) = source,
            !call.isExtended, Self.usesTotals(call.function)
        else { return nil }
        let end = evaluator.reference(window.start, at: matrix.selector.at, offset: offset)
        return (call, end.clampedDifference(length), end)
    }

    /// What the values at the one moment depend on.
    func sharingKey(_ evaluator: Evaluator) -> SharedPasses.Key? {
        guard window.count == 1 else { return nil }
        switch source {
        case .selector(let node):
            guard let offset = try? evaluator.milliseconds(node.offset, mayBeNegative: true) else { return nil }
            return SharedPasses.Key(
                matchers: node.matchers,
                function: nil,
                time: window.start,
                end: evaluator.reference(window.start, at: node.at, offset: offset),
                length: evaluator.lookback,
                isAnchored: false,
                isSmoothed: node.isSmoothed
            )
        case .range(let call, let matrix, let length, let offset, let parameters):
            return SharedPasses.Key(
                matchers: matrix.selector.matchers,
                function: call.function,
                parameters: parameters.map { $0.first?.bitPattern ?? 0 },
                time: window.start,
                end: evaluator.reference(window.start, at: matrix.selector.at, offset: offset),
                length: length,
                isAnchored: call.isAnchored,
                isSmoothed: call.isSmoothed
            )
        }
    }

    /// Puts the series at `index` into `row`; leaves it empty where there is nothing. Returns the samples looked at.
    mutating func read(
        _ index: Int,
        into row: inout Row,
        _ evaluator: inout Evaluator
    ) throws(QueryError) -> Int {
        let handle = selection.handles[index]
        row.clear()
        if let count = steps?.read(index, of: selection.handles, evaluator.reader, into: &row) {
            extent = steps?.extent ?? extent
            if case .range(let call, _, _, _, _) = source, !knowsTheName, !extent.isEmpty {
                remark(on: handle.labels, call, &evaluator.annotations)
            }
            return count
        }
        extent = 0..<window.count
        switch source {
        case .selector(let selector):
            try evaluator.read(selector, handle, window, into: &row, &columns)
            return window.count
        case .range(let call, let matrix, let length, let offset, let parameters):
            if let (call, start, end) = totals(evaluator) {
                if let totals = evaluator.reader.counterWindow(
                    handle,
                    after: Timestamp(milliseconds: start),
                    through: Timestamp(milliseconds: end)
                ) {
                    if let value = Rates.extrapolated(call.function, totals, start: start, end: end) {
                        row.set(0, value)
                        remark(on: handle.labels, call, &evaluator.annotations)
                    }
                    return totals.count
                }
            }
            return try readRange(handle, call, matrix, length, offset, parameters, into: &row, &evaluator)
        }
    }

    static func usesTotals(_ function: RangeFunction) -> Bool {
        function == .rate || function == .increase || function == .delta
    }

    private mutating func readRange(
        _ handle: SeriesHandle,
        _ call: RangeCall,
        _ matrix: MatrixSelector,
        _ length: Int64,
        _ offset: Int64,
        _ parameters: [[Double]],
        into row: inout Row,
        _ evaluator: inout Evaluator
    ) throws(QueryError) -> Int {
        let reach = call.isSmoothed ? evaluator.lookback : 0
        let back = call.isExtended ? length.clampedSum(evaluator.lookback) : length
        let first = evaluator.reference(window.start, at: matrix.selector.at, offset: offset)
        let last = evaluator.reference(window.end, at: matrix.selector.at, offset: offset)
        columns.removeAll()
        evaluator.reader.samples(
            handle,
            after: Timestamp(milliseconds: first.clampedDifference(back)),
            through: Timestamp(milliseconds: last.clampedSum(reach)),
            into: &columns
        )
        columns.removeStale()
        guard !columns.isEmpty else { return 0 }
        let count = columns.count
        if !call.isExtended, matrix.selector.at == nil, window.count > 1, Self.usesTotals(call.function),
            columns.histograms.isEmpty
        {
            plan.prepare(for: columns.timestamps, call.function, first: first, length: length, window)
            if plan.fill(&row, columns.values) {
                if !knowsTheName, !row.isEmpty { remark(on: handle.labels, call, &evaluator.annotations) }
                return count
            }
        }
        samples.fill(from: columns)
        guard !samples.isEmpty else { return 0 }
        var call = call
        call.name = handle.labels.name
        for step in 0..<window.count {
            call.time = window.time(step)
            call.end = evaluator.reference(call.time, at: matrix.selector.at, offset: offset)
            call.start = call.end.clampedDifference(length)
            samples.narrow(after: call.end.clampedDifference(back), through: call.end.clampedSum(reach))
            guard !samples.isEmpty else { continue }
            try evaluator.tick(samples: samples.count)
            if let first = parameters.first { call.parameters.0 = first[step] }
            if parameters.count > 1 { call.parameters.1 = parameters[1][step] }
            if let value = try RangeFunctions.evaluate(call, samples, &evaluator.annotations) { row.set(step, value) }
        }
        if call.function == .rate || call.function == .increase, row.presence.contains(Presence.float) {
            remark(on: handle.labels, call, &evaluator.annotations)
        }
        return count
    }

    /// Says once for each name that it does not look like a counter's.
    mutating func remark(on labels: Labels, _ call: RangeCall, _ annotations: inout AnnotationSet) {
        if knowsTheName { return }
        knowsTheName = !call.remarksOnNames || (haveOneName && !call.readsTypeLabel)
        guard call.remarksOnNames else { return }
        let name = labels.name
        guard namesSeen.insert(name).inserted, !name.isEmpty else { return }
        if call.readsTypeLabel {
            let type = labels["__type__"] ?? ""
            if type != "counter", type != "histogram" {
                annotations.possibleNonCounter(name: name, type: type, call.range)
            }
        } else if !["_total", "_sum", "_count", "_bucket"].contains(where: name.hasSuffix) {
            annotations.possibleNonCounter(name: name, call.range)
        }
    }

}

extension Evaluator {
    /// The stream behind an expression, if it is a selector or a range function of one.
    mutating func stream(
        _ expression: Expression,
        _ window: EvaluationWindow
    ) throws(QueryError) -> SeriesStream? {
        switch expression.unwrapped {
        case .vector(let node):
            var stream = SeriesStream(source: .selector(node), selection: try resolve(node), window: window)
            try stream.prepareSteps(self)
            return stream
        case .call(let node):
            guard case .overTime(let function) = node.function.implementation, function != .absent else { return nil }
            return try rangeStream(node, function, window)
        default: return nil
        }
    }

    private mutating func rangeStream(
        _ node: FunctionCall,
        _ function: RangeFunction,
        _ window: EvaluationWindow
    ) throws(QueryError) -> SeriesStream? {
        guard let position = node.arguments.firstIndex(where: { $0.type == .rangeVector }),
            case .matrix(let matrix) = node.arguments[position].unwrapped
        else { return nil }
        let call = try rangeCall(node, function, matrix.selector, length: try milliseconds(matrix.length))
        var parameters: [[Double]] = []
        for (index, argument) in node.arguments.enumerated() where index != position {
            parameters.append(try scalar(argument, window))
        }
        let source = SeriesStream.Source.range(
            call,
            matrix,
            length: call.length,
            offset: try milliseconds(matrix.selector.offset, mayBeNegative: true),
            parameters: parameters
        )
        var stream = SeriesStream(source: source, selection: try resolve(matrix.selector), window: window)
        try stream.prepareSteps(self)
        return stream
    }

    func rangeCall(
        _ node: FunctionCall,
        _ function: RangeFunction,
        _ selector: VectorSelector?,
        length: Int64
    ) throws(QueryError) -> RangeCall {
        let argument = node.arguments.first { $0.type == .rangeVector }
        let call = RangeCall(
            function: function,
            range: argument?.range ?? node.range,
            parameterRange: node.arguments.first?.range ?? node.range,
            length: length,
            isAnchored: selector?.isAnchored ?? false,
            isSmoothed: selector?.isSmoothed ?? false,
            remarksOnNames: function == .rate || function == .increase,
            readsTypeLabel: configuration.features.contains(.typeAndUnitLabels)
        )
        let anchored = "changes, delta, increase, rate, resets"
        if call.isAnchored, ![.changes, .delta, .increase, .rate, .resets].contains(function) {
            throw .execution("anchored modifier can only be used with: \(anchored) - not with \(node.function.name)")
        }
        if call.isSmoothed, ![.delta, .increase, .rate].contains(function) {
            let name = node.function.name
            throw .execution("smoothed modifier can only be used with: delta, increase, rate - not with \(name)")
        }
        return call
    }

    /// A function of a range vector.
    mutating func overTime(
        _ node: FunctionCall,
        _ function: RangeFunction,
        _ window: EvaluationWindow
    ) throws(QueryError) -> Block {
        guard let argument = node.arguments.first(where: { $0.type == .rangeVector })?.unwrapped else {
            throw .execution("expected a range vector")
        }
        var block: Block
        switch argument {
        case .subquery(let inner): block = try overTime(node, function, inner, window)
        default:
            guard var stream = try rangeStream(node, function, window) else {
                throw .execution("expected a range vector")
            }
            block = Block(steps: window.count)
            let drops = stream.dropsMetadata
            if let column = try sharedColumn(&stream) {
                block = try self.block(of: column, drops: drops)
                break
            }
            var row = Row(steps: window.count)
            var looked = 0
            for index in stream.selection.handles.indices {
                try tick()
                looked += try stream.read(index, into: &row, &self)
                guard !row.isEmpty else { continue }
                try hold(window.count)
                block.series.append(named(stream.selection.handles[index].labels, row, drops: drops))
                row = Row(steps: window.count)
            }
            count(samples: looked, of: stream.selector)
        }
        if function == .absent { return absent(block, Self.absentLabels(argument), window) }
        if !delaysNameRemoval { try Self.checkUnique(block) }
        return block
    }

    func named(_ labels: Labels, _ row: Row, drops: Bool) -> Block.Series {
        if drops, !delaysNameRemoval { return Block.Series(labels: labels.withoutMetadata, row: row) }
        return Block.Series(labels: labels, dropsName: drops, row: row)
    }

    static func checkUnique(_ block: Block) throws(QueryError) {
        guard block.series.count > 1 else { return }
        var seen: Set<Labels> = []
        seen.reserveCapacity(block.series.count)
        for series in block.series where !seen.insert(series.labels).inserted { throw sameLabels }
    }

    private mutating func overTime(
        _ node: FunctionCall,
        _ function: RangeFunction,
        _ subquery: Subquery,
        _ window: EvaluationWindow
    ) throws(QueryError) -> Block {
        let length = try milliseconds(subquery.length)
        var call = try rangeCall(node, function, nil, length: length)
        var parameters: [[Double]] = []
        for argument in node.arguments where argument.type != .rangeVector {
            parameters.append(try scalar(argument, window))
        }
        let (block, inner) = try self.subquery(subquery, window)
        let offset = try milliseconds(subquery.offset, mayBeNegative: true)
        var result = Block(steps: window.count)
        let drops = function != .last && function != .first
        for series in block.series {
            try tick()
            var samples = RangeSamples()
            for step in 0..<inner.count {
                guard var value = series.row.value(step) else { continue }
                // A subquery may skip or repeat the samples that such hints are about.
                if case .histogram(var histogram) = value, histogram.counterResetHint != .gauge {
                    histogram.counterResetHint = .unknown
                    value = .histogram(histogram)
                }
                samples.append(value, at: inner.time(step))
            }
            samples.showAll()
            call.name = series.labels.name
            var row = Row(steps: window.count)
            for step in 0..<window.count {
                call.time = window.time(step)
                call.end = reference(call.time, at: subquery.at, offset: offset)
                call.start = call.end.clampedDifference(length)
                samples.narrow(after: call.start, through: call.end)
                guard !samples.isEmpty else { continue }
                try tick(samples: samples.count)
                if let first = parameters.first { call.parameters.0 = first[step] }
                if parameters.count > 1 { call.parameters.1 = parameters[1][step] }
                if let value = try RangeFunctions.evaluate(call, samples, &annotations) { row.set(step, value) }
            }
            guard !row.isEmpty else { continue }
            if call.remarksOnNames, row.presence.contains(Presence.float), !call.name.isEmpty,
                !["_total", "_sum", "_count", "_bucket"].contains(where: call.name.hasSuffix), !call.readsTypeLabel
            {
                annotations.possibleNonCounter(name: call.name, call.range)
            }
            try hold(window.count)
            var output = named(series.labels, row, drops: drops)
            output.dropsName = output.dropsName || (delaysNameRemoval && series.dropsName)
            result.series.append(output)
        }
        release(block.series.count * inner.count)
        return result
    }

    /// The inner expression of a subquery at all its steps that `window` needs; its steps are multiples of the step.
    mutating func subquery(
        _ node: Subquery,
        _ window: EvaluationWindow
    ) throws(QueryError) -> (block: Block, window: EvaluationWindow) {
        let length = try milliseconds(node.length)
        let offset = try milliseconds(node.offset, mayBeNegative: true)
        var step = Swift.max(1, configuration.subqueryStep.milliseconds)
        if let given = node.step { step = Swift.max(1, try milliseconds(given)) }
        let first = reference(window.start, at: node.at, offset: offset).clampedDifference(length)
        let last = reference(window.end, at: node.at, offset: offset)
        var start = (first / step).multipliedReportingOverflow(by: step).partialValue
        while start <= first {
            let (next, overflow) = start.addingReportingOverflow(step)
            if overflow { break }
            start = next
        }
        guard start <= last, start > first else {
            return (Block(steps: 0), EvaluationWindow(start: last, step: step, count: 0))
        }
        let count = last.clampedDifference(start) / step + 1
        guard count <= Int64(limits.samples) else { throw .tooManySamples }
        let inner = EvaluationWindow(start: start, step: step, count: Int(count))
        return (try vector(node.expression, inner), inner)
    }
}
