// SPDX-License-Identifier: Apache-2.0

import CAllocationCount
import Glibc

/// Something to measure: runs its body as often as it is told.
public struct Operation: Sendable {
    let name: String
    let count: Int
    let scale: Double
    let threads: Int
    let body: @Sendable (Int) -> Void

    /// Describes an operation.
    /// - Parameters:
    ///   - name: under which the figures are shown.
    ///   - count: how often a round runs it; some milliseconds at least.
    ///   - scale: things done by one run, such as lines written.
    ///   - threads: how many run it at the same time; the time is wall time per operation of one thread.
    ///   - body: runs it so many times.
    public init(
        _ name: String,
        _ count: Int,
        scale: Double = 1,
        threads: Int = 1,
        _ body: @escaping @Sendable (Int) -> Void
    ) {
        self.name = name
        self.count = count
        self.scale = scale
        self.threads = threads
        self.body = body
    }
}

/// Runs operations and prints `name nanoseconds allocations`: the best of some rounds, after a warm-up.
///
/// `--run NAME N` runs one operation N times instead, and is silent: for counting instructions from outside.
public struct Harness {
    private static let rounds = 15
    private let operations: [Operation]

    /// Takes the operations in the order in which they are to be run.
    public init(_ operations: [Operation]) { self.operations = operations }

    /// Does what the command line says; false when it makes no sense.
    public func run(_ arguments: [String]) -> Bool {
        if arguments.count == 4, arguments[1] == "--run", let count = Int(arguments[3]) {
            guard let operation = operations.first(where: { $0.name == arguments[2] }) else { return false }
            operation.body(count)
            return true
        }
        for operation in operations { Self.measure(operation) }
        return arguments.count == 1
    }

    private static func measure(_ operation: Operation) {
        run(operation, max(1, operation.count / 10))
        var best = UInt64.max
        var fewest = UInt64.max
        for _ in 0..<rounds {
            let allocations = allocation_count()
            let start = now()
            run(operation, operation.count)
            best = min(best, now() - start)
            fewest = min(fewest, allocation_count() - allocations)
        }
        let things = Double(operation.count) * operation.scale
        print(operation.name, rounded(Double(best) / things), rounded(Double(fewest) / things))
    }

    private static func run(_ operation: Operation, _ count: Int) {
        guard operation.threads > 1 else { return operation.body(count) }
        var handles = [pthread_t](repeating: pthread_t(), count: operation.threads)
        for index in handles.indices {
            let job = Unmanaged.passRetained(Job { operation.body(count) }).toOpaque()
            let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { job in
                if let job { Unmanaged<Job>.fromOpaque(job).takeRetainedValue().body() }
                return nil
            }
            guard pthread_create(&handles[index], nil, start, job) == 0 else { exit(1) }
        }
        for handle in handles { pthread_join(handle, nil) }
    }

    private final class Job: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Keeps the compiler from dropping what computes `value`.
    @inline(never)
    public static func consume<Value>(_ value: Value) {
        withUnsafePointer(to: value) { black_hole($0) }
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func rounded(_ value: Double) -> String { "\((value * 1_000).rounded() / 1_000)" }
}
