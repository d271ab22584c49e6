// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// One numeric address of a host.
package struct ResolvedAddress: Hashable, Sendable {
    /// As `inet_ntop` writes it, without brackets.
    package var text: String
    package var isIPv6: Bool

    package init(text: String, isIPv6: Bool) {
        self.text = text
        self.isIPv6 = isIPv6
    }
}

/// What a look-up gave, and how long it took; zero when it came from the cache or needed none.
package struct NameResolution: Hashable, Sendable {
    /// Never empty on success.
    package var addresses: Result<[ResolvedAddress], NameResolutionError>
    package var duration: Duration
}

/// A closed reason for a failed look-up.
package enum NameResolutionError: String, Error, Hashable, Sendable, CaseIterable {
    case notFound = "host not found"
    case temporary = "name server did not answer"
    case overloaded = "too many look-ups under way"
    case failed = "look-up failed"
}

/// `getaddrinfo` on threads of its own, because it blocks: for seconds when a name server is gone.
///
/// One look-up at a time for a name, a few at a time in all, results kept for a short while. Used on the loop's thread.
package final class NameResolver {
    package struct Configuration: Sendable {
        package var maximumThreads = 4
        package var maximumWaiting = 256
        package var keepsSuccess = Duration.seconds(10)
        package var keepsFailure = Duration.seconds(1)

        package init() {}
    }

    private struct CacheEntry {
        var addresses: Result<[ResolvedAddress], NameResolutionError>
        var expires: MonotonicTime
    }

    private let loop: EventLoop
    private let configuration: Configuration
    private var cache: [String: CacheEntry] = [:]
    private var waiting: [String: [(NameResolution) -> Void]] = [:]
    private var queue: [String] = []
    private var threads = 0

    package init(loop: EventLoop, configuration: Configuration = Configuration()) {
        self.loop = loop
        self.configuration = configuration
    }

    /// Calls back on the loop's thread; at once when the host is numeric or was asked for a moment ago.
    package func resolve(_ host: String, completion: @escaping (NameResolution) -> Void) {
        loop.preconditionOnLoop()
        if let address = ResolvedAddress(numeric: host) {
            return completion(NameResolution(addresses: .success([address]), duration: .zero))
        }
        if let entry = cache[host] {
            if MonotonicTime.now() < entry.expires {
                return completion(NameResolution(addresses: entry.addresses, duration: .zero))
            }
            cache[host] = nil
        }
        if waiting[host] != nil {
            waiting[host]?.append(completion)
            return
        }
        guard waiting.count < configuration.maximumWaiting else {
            return completion(NameResolution(addresses: .failure(.overloaded), duration: .zero))
        }
        waiting[host] = [completion]
        queue.append(host)
        startNext()
    }

    private func startNext() {
        guard threads < configuration.maximumThreads, !queue.isEmpty else { return }
        let host = queue.removeFirst()
        threads += 1
        let me = LoopBound(self, on: loop)
        let started = startDetachedThread(name: "resolver") {
            let start = MonotonicTime.now()
            let addresses = lookUp(host)
            let duration = MonotonicTime.now() - start
            me.loop.execute { me.value.finish(host, NameResolution(addresses: addresses, duration: duration)) }
        }
        if !started { finish(host, NameResolution(addresses: .failure(.overloaded), duration: .zero)) }
    }

    private func finish(_ host: String, _ resolution: NameResolution) {
        threads -= 1
        let now = MonotonicTime.now()
        let isSuccess = (try? resolution.addresses.get()) != nil
        let lifetime = isSuccess ? configuration.keepsSuccess : configuration.keepsFailure
        if cache.count >= 1024 { cache = cache.filter { $0.value.expires > now } }
        if cache.count < 1024 { cache[host] = CacheEntry(addresses: resolution.addresses, expires: now + lifetime) }
        for completion in waiting.removeValue(forKey: host) ?? [] { completion(resolution) }
        startNext()
    }
}

extension ResolvedAddress {
    /// The address when `host` is one already, with or without brackets.
    package init?(numeric host: String) {
        var bare = host
        if bare.utf8.first == UInt8(ascii: "["), bare.utf8.last == UInt8(ascii: "]") {
            bare = String(bare.dropFirst().dropLast())
        }
        var four = in_addr()
        if unsafe inet_pton(AF_INET, bare, &four) == 1 {
            self.init(text: bare, isIPv6: false)
            return
        }
        let unscoped = bare.split(separator: "%", maxSplits: 1).first.map(String.init) ?? bare
        var six = in6_addr()
        guard unsafe inet_pton(AF_INET6, unscoped, &six) == 1 else { return nil }
        self.init(text: bare, isIPv6: true)
    }
}

/// Blocks; on a thread of its own.
private func lookUp(_ host: String) -> Result<[ResolvedAddress], NameResolutionError> {
    var hints = unsafe addrinfo()
    unsafe hints.ai_family = AF_UNSPEC
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    var code = unsafe getaddrinfo(host, nil, &hints, &list)
    if code == EAI_NONAME || code == clinux_eai_addrfamily || code == clinux_eai_nodata {
        // A machine with nothing but loopback has no configured family, and still knows localhost.
        unsafe hints.ai_flags = 0
        code = unsafe getaddrinfo(host, nil, &hints, &list)
    }
    defer { if let list = unsafe list { unsafe freeaddrinfo(list) } }
    switch code {
    case 0: break
    case EAI_NONAME, clinux_eai_nodata, clinux_eai_addrfamily: return .failure(.notFound)
    case EAI_AGAIN: return .failure(.temporary)
    default: return .failure(.failed)
    }
    var addresses: [ResolvedAddress] = []
    var next = unsafe list
    while let entry = unsafe next, addresses.count < 32 {
        unsafe next = entry.pointee.ai_next
        var name = [CChar](repeating: 0, count: 64)
        let length = unsafe entry.pointee.ai_addrlen
        guard
            unsafe getnameinfo(entry.pointee.ai_addr, length, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) == 0
        else { continue }
        let end = name.firstIndex(of: 0) ?? name.endIndex
        let text = String(decoding: name[..<end].map(UInt8.init(bitPattern:)), as: UTF8.self)
        let address = ResolvedAddress(text: text, isIPv6: unsafe entry.pointee.ai_family == AF_INET6)
        if !addresses.contains(address) { addresses.append(address) }
    }
    return addresses.isEmpty ? .failure(.notFound) : .success(addresses)
}
