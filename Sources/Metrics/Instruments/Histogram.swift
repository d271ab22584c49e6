// SPDX-License-Identifier: Apache-2.0

public import Exposition
import Synchronization

/// The distribution of observed numbers: durations, sizes.
///
/// With classic buckets alone an observation goes to memory of the calling thread's own; with native buckets it takes
/// a short lock that few threads share. Count, sum and buckets of one reading always belong together. An observation
/// that is not a number is ignored and counted in `metrics_invalid_updates_total`.
public final class Histogram: Instrument {
    private let configuration: HistogramConfiguration
    private let search: BucketSearch
    private let cells: CellRange
    private let native: NativeStripes?
    private let exemplars = ExemplarSlots()
    /// Set while a reader that lost too many races wants the owners out of the way.
    private let isContended = Atomic<Bool>(false)

    // Layout of the cells: sequence (odd while an observation is being written), sum, buckets.
    static let sumOffset = 1
    static let bucketsOffset = 2

    /// A histogram.
    public static let kind = MetricKind.histogram

    /// Creates a histogram that no registry knows. Bad bounds are sorted and cleaned.
    /// - Parameter configuration: its buckets.
    public init(configuration: HistogramConfiguration = .latency) {
        self.configuration = configuration
        let search = BucketSearch(Array((configuration.bounds ?? []).prefix(HistogramConfiguration.longestBounds)))
        self.search = search
        self.native = configuration.native.map { NativeStripes($0, bucketCount: search.bucketCount) }
        self.cells = CellRange(native == nil ? Self.bucketsOffset + search.bucketCount : 1)
    }

    /// Records a number.
    /// - Parameter value: infinite is allowed, NaN is not.
    public func observe(_ value: Double) {
        let bucket = search.bucket(of: value)
        if native == nil, let cells = unsafe cells.owned, !isContended.load(ordering: .relaxed), value == value {
            // A sequence lock with one writer. Its even-to-odd store must come before the data, hence the fence.
            let sequence = unsafe cells.pointee.load(ordering: .relaxed)
            unsafe cells.pointee.store(sequence &+ 1, ordering: .relaxed)
            atomicMemoryFence(ordering: .releasing)
            unsafe (cells + Self.sumOffset).addOwned(value)
            unsafe (cells + Self.bucketsOffset + bucket).addOwned(1 as UInt64)
            unsafe cells.pointee.store(sequence &+ 2, ordering: .releasing)
        } else {
            observeSlowly(value, bucket)
        }
        if configuration.keepsTraceExemplars { keepTrace(value, bucket) }
    }

    /// Records a duration in seconds.
    /// - Parameter duration: at least zero; less counts as zero.
    public func observe(_ duration: Duration) {
        observe(max(0, duration.inSeconds))
    }

    /// Records a number and keeps the labels as an example of its bucket.
    /// - Parameters:
    ///   - value: infinite is allowed, NaN is not.
    ///   - exemplar: labels such as `trace_id`; nil keeps what is there.
    public func observe(_ value: Double, exemplar: SeriesLabels?) {
        observe(value)
        if let exemplar, !value.isNaN { exemplars.keep(exemplar, value: value, in: search.bucket(of: value)) }
    }

    /// Runs a function and records how long it took, in seconds, also when it throws.
    /// - Parameter body: is timed.
    /// - Returns: what `body` returns.
    public func time<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        let start = SystemTime.monotonicNanoseconds()
        defer { observe(Double(SystemTime.monotonicNanoseconds() &- start) / 1e9) }
        return try body()
    }

    /// Runs a function and records how long it took, in seconds, also when it throws.
    /// - Parameter body: is timed.
    /// - Returns: what `body` returns.
    public func time<Result, Failure: Error>(
        _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        let start = SystemTime.monotonicNanoseconds()
        defer { observe(Double(SystemTime.monotonicNanoseconds() &- start) / 1e9) }
        return try await body()
    }

    @inline(never)
    private func observeSlowly(_ value: Double, _ bucket: Int) {
        guard value == value else { return InvalidUpdates.count() }
        if let native { return native.observe(value, bucket: bucket) }
        guard let cells = unsafe cells.shared else { return }
        let sequence = unsafe Self.lockShared(cells)
        unsafe (cells + Self.sumOffset).addOwned(value)
        unsafe (cells + Self.bucketsOffset + bucket).addOwned(1 as UInt64)
        unsafe cells.pointee.store(sequence &+ 2, ordering: .releasing)
    }

    /// The shared words have many writers; the sequence is their lock. Held for three stores.
    private static func lockShared(_ cells: UnsafeMutablePointer<Cell>) -> UInt64 {
        var attempts = 0
        while true {
            let sequence = unsafe cells.pointee.load(ordering: .relaxed)
            if sequence & 1 == 0 {
                let result = unsafe cells.pointee.weakCompareExchange(
                    expected: sequence,
                    desired: sequence &+ 1,
                    ordering: .acquiring
                )
                if result.exchanged { return sequence }
            }
            attempts &+= 1
            SpinWait.pause(attempts)
        }
    }

    @inline(never)
    private func keepTrace(_ value: Double, _ bucket: Int) {
        guard let labels = TraceExemplar.current() else { return }
        exemplars.keep(labels, value: value, in: bucket)
    }

    // MARK: Reading

    /// Reads all threads' cells; `counts` gets one number per classic bucket, not cumulative.
    func read(into counts: UnsafeMutableBufferPointer<UInt64>) -> Double {
        var sum = 0.0
        for slab in 0..<CellArena.shared.count {
            let words = unsafe CellArena.shared.words(ofSlab: slab) + Int(cells.index)
            guard unsafe words.pointee.load(ordering: .relaxed) != 0 else { continue }
            sum += unsafe readSlab(words, adding: counts)
        }
        return sum
    }

    private func readSlab(
        _ words: UnsafeMutablePointer<Cell>,
        adding counts: UnsafeMutableBufferPointer<UInt64>
    ) -> Double {
        unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: counts.count) { copy in
            var attempts = 0
            defer { if attempts > Self.patience { isContended.store(false, ordering: .relaxed) } }
            while true {
                let before = unsafe words.pointee.load(ordering: .acquiring)
                if before & 1 == 0 {
                    let sum = unsafe words[Self.sumOffset].load(ordering: .relaxed)
                    for index in 0..<counts.count {
                        unsafe copy[index] = words[Self.bucketsOffset + index].load(ordering: .relaxed)
                    }
                    atomicMemoryFence(ordering: .acquiring)
                    if unsafe words.pointee.load(ordering: .relaxed) == before {
                        for index in 0..<counts.count { unsafe counts[index] &+= copy[index] }
                        return Double(bitPattern: sum)
                    }
                }
                attempts &+= 1
                // Owners that see the flag write to the shared words, so this copy succeeds soon after.
                if attempts == Self.patience { isContended.store(true, ordering: .sequentiallyConsistent) }
                SpinWait.pause(attempts)
            }
        }
    }

    private static let patience = 64

    /// All observations and their sum.
    public var totals: (count: UInt64, sum: Double) {
        if let native {
            let state = native.merged()
            return (state.count, state.sum)
        }
        return unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: search.bucketCount) { counts in
            unsafe counts.initialize(repeating: 0)
            let sum = unsafe read(into: counts)
            return unsafe (counts.reduce(0, &+), sum)
        }
    }

    /// Changes with every observation.
    public var activity: UInt64 { native?.merged().count ?? cells.wholeTotal(0) }

    /// Writes the series' lines.
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - createdMilliseconds: when the series began.
    ///   - writer: has begun the family.
    public func write(_ labels: SeriesLabels, createdMilliseconds: Int64?, to writer: inout ExpositionWriter) {
        if let native {
            let state = native.merged()
            let cumulative = configuration.bounds == nil ? [] : state.cumulative
            return writer.writeHistogram(
                labels,
                bounds: search.bounds,
                cumulativeCounts: cumulative.span,
                sum: state.sum,
                createdMilliseconds: createdMilliseconds,
                exemplars: exemplars.all,
                native: state.histogram
            )
        }
        unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: search.bucketCount) { counts in
            unsafe counts.initialize(repeating: 0)
            let sum = unsafe read(into: counts)
            for index in 1..<max(1, counts.count) { unsafe counts[index] &+= counts[index &- 1] }
            writer.writeHistogram(
                labels,
                bounds: search.bounds,
                cumulativeCounts: unsafe counts.span,
                sum: sum,
                createdMilliseconds: createdMilliseconds,
                exemplars: exemplars.all
            )
        }
    }

    /// The series as a value.
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - createdMilliseconds: when the series began.
    public func metric(_ labels: SeriesLabels, createdMilliseconds: Int64?) -> Metric {
        var cumulative: [UInt64]
        let sum: Double
        var histogram: NativeHistogram?
        if let native {
            let state = native.merged()
            (cumulative, sum, histogram) = (state.cumulative, state.sum, state.histogram)
        } else {
            cumulative = [UInt64](repeating: 0, count: search.bucketCount)
            sum = unsafe cumulative.withUnsafeMutableBufferPointer { unsafe read(into: $0) }
            for index in 1..<max(1, cumulative.count) { cumulative[index] &+= cumulative[index - 1] }
        }
        let upper = search.bounds.upperBounds + [.infinity]
        let kept = exemplars.all
        let buckets =
            configuration.bounds == nil
            ? []
            : upper.indices.map { index in
                MetricHistogram.Bucket(
                    upperBound: upper[index],
                    cumulativeCount: Double(cumulative[index]),
                    exemplar: index < kept.count ? kept[index] : nil
                )
            }
        let value = MetricHistogram(count: Double(cumulative.last ?? 0), sum: sum, buckets: buckets, native: histogram)
        return Metric(labels: labels, value: .histogram(value), createdMilliseconds: createdMilliseconds)
    }
}

extension Duration {
    /// As a floating-point number of seconds.
    var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
