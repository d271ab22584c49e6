// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct EventLoopTests {
    @Test
    func `tasks run on the loop's thread in the order they were handed over`() async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let seen = Mutex<[Int]>([])
        for number in 0..<1000 { loop.execute { seen.withLock { $0.append(number) } } }
        #expect(await loop.run { loop.isOnLoop } == true)
        #expect(!loop.isOnLoop)
        #expect(seen.withLock { $0 } == Array(0..<1000))
    }

    @Test
    func `timers fire in the order of their deadlines and not too early`() async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let fired: [Int] = await withCheckedContinuation { continuation in
            loop.execute {
                let start = MonotonicTime.now()
                var fired: [Int] = []
                for milliseconds in [30, 10, 20, 0, 40] {
                    loop.schedule(after: .milliseconds(milliseconds)) {
                        let isEarly = MonotonicTime.now() - start < .milliseconds(milliseconds)
                        fired.append(isEarly ? -milliseconds : milliseconds)
                        if fired.count == 5 { continuation.resume(returning: fired) }
                    }
                }
            }
        }
        #expect(fired == [0, 10, 20, 30, 40])
    }

    @Test
    func `any pattern of setting and cancelling leaves exactly the timers that were not cancelled`() async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let seed = UInt64.random(in: 0...UInt64.max)
        let (expected, fired): (Set<Int>, [Int]) = await withCheckedContinuation { continuation in
            loop.execute {
                var random = SeededGenerator(seed: seed)
                var timers: [Int: LoopTimer] = [:]
                var fired: [Int] = []
                for number in 0..<2000 {
                    timers[number] = loop.schedule(after: .microseconds(Int.random(in: 0..<20_000, using: &random))) {
                        fired.append(number)
                    }
                    let victim = Int.random(in: 0...number, using: &random)
                    if random.chance(0.5), let timer = timers.removeValue(forKey: victim) { loop.cancel(timer) }
                }
                let expected = Set(timers.keys)
                loop.schedule(after: .milliseconds(25)) { continuation.resume(returning: (expected, fired)) }
            }
        }
        #expect(Set(fired) == expected, "seed \(seed)")
        #expect(fired.count == expected.count, "seed \(seed)")
    }

    @Test
    func `a watched descriptor reports bytes and the peer's end`() async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        var pair: [Int32] = [0, 0]
        try #require(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        let (mine, theirs) = (pair[0], pair[1])
        defer { close(mine) }
        var byte: UInt8 = 7
        _ = unsafe write(theirs, &byte, 1)
        let first: Readiness = await withCheckedContinuation { continuation in
            loop.execute {
                try? loop.watch(mine, for: [.readable, .peerClosed]) { readiness in
                    loop.unwatch(mine)
                    continuation.resume(returning: readiness)
                }
            }
        }
        #expect(first == .readable)
        _ = unsafe read(mine, &byte, 1)
        close(theirs)
        let second: Readiness = await withCheckedContinuation { continuation in
            loop.execute {
                try? loop.watch(mine, for: [.readable, .peerClosed]) { readiness in
                    loop.unwatch(mine)
                    continuation.resume(returning: readiness)
                }
            }
        }
        #expect(second.contains(.peerClosed))
    }

    @Test
    func `a stopped loop runs what it had accepted and refuses the rest`() async throws {
        let loop = try EventLoop()
        let order = Mutex<[String]>([])
        loop.execute { loop.onStop { order.withLock { $0.append("stop action") } } }
        loop.execute { order.withLock { $0.append("task") } }
        loop.stop()
        #expect(order.withLock { $0 } == ["task", "stop action"])
        #expect(!loop.execute {})
        #expect(await loop.run { 1 } == nil)
    }

    @Test
    func `names resolve off the loop, numeric hosts at once, and what does not exist has a reason`() async throws {
        let loop = try EventLoop()
        defer { loop.stop() }
        let numeric = await resolve("127.0.0.1", on: loop)
        #expect(numeric.addresses == .success([ResolvedAddress(text: "127.0.0.1", isIPv6: false)]))
        #expect(numeric.duration == .zero)
        let bracketed = await resolve("[::1]", on: loop)
        #expect(bracketed.addresses == .success([ResolvedAddress(text: "::1", isIPv6: true)]))
        let local = try await resolve("localhost", on: loop).addresses.get()
        #expect(local.contains { $0.text == "127.0.0.1" || $0.text == "::1" })
        let missing = await resolve("no-such-host.invalid", on: loop)
        #expect(throws: NameResolutionError.self) { try missing.addresses.get() }
    }

    @Test(arguments: [
        (Duration.seconds(Int64.max), Int64.max), (.nanoseconds(1), 1), (.milliseconds(-2), -2_000_000), (.zero, 0),
    ])
    func `adding durations to a time saturates`(duration: Duration, nanoseconds: Int64) {
        #expect((MonotonicTime(nanoseconds: 0) + duration).nanoseconds == nanoseconds)
        #expect(MonotonicTime(nanoseconds: .max) + .seconds(1) == MonotonicTime(nanoseconds: .max))
    }

    private func resolve(_ host: String, on loop: EventLoop) async -> NameResolution {
        await withCheckedContinuation { continuation in
            loop.execute {
                let resolver = NameResolver(loop: loop)
                resolver.resolve(host) { resolution in
                    withExtendedLifetime(resolver) { continuation.resume(returning: resolution) }
                }
            }
        }
    }
}
