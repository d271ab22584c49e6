// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// Where a Redis server is and as whom to log in. The description shows no password.
package struct RedisURL: Hashable, Sendable, CustomStringConvertible {
    package var address: StreamAddress
    package var usesTLS = false
    package var username: String?
    package var password: String?
    package var database = 0

    /// `redis://[user:password@]host[:port][/db]`, `rediss://…`, `unix:/path`, `unix:///path?db=1`, `host:port`.
    package init?(_ text: String) {
        var rest = Substring(text)
        if rest.hasPrefix("unix:") {
            var path = rest.dropFirst(5)
            while path.hasPrefix("//") { path = path.dropFirst() }
            if let question = path.firstIndex(of: "?") {
                database = Self.database(inQuery: path[path.index(after: question)...]) ?? 0
                path = path[..<question]
            }
            guard path.hasPrefix("/") else { return nil }
            address = .unix(path: String(path))
            return
        }
        if rest.hasPrefix("rediss://") {
            usesTLS = true
            rest = rest.dropFirst(9)
        } else if rest.hasPrefix("redis://") {
            rest = rest.dropFirst(8)
        } else if text.contains("://") {
            return nil
        }
        if let question = rest.firstIndex(of: "?") {
            database = Self.database(inQuery: rest[rest.index(after: question)...]) ?? 0
            rest = rest[..<question]
        }
        if let slash = rest.lastIndex(of: "/"), !rest[slash...].contains("@") {
            let path = rest[rest.index(after: slash)...]
            if !path.isEmpty {
                guard let number = Int(path), (0...65_535).contains(number) else { return nil }
                database = number
            }
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: "@") {
            let login = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let user = percentDecoded(login[0]) else { return nil }
            if login.count == 2 {
                username = user.isEmpty ? nil : user
                guard let secret = percentDecoded(login[1]) else { return nil }
                password = secret
            } else {
                username = user
            }
            rest = rest[rest.index(after: at)...]
        }
        guard let address = StreamAddress(rest.isEmpty ? "localhost" : String(rest), defaultPort: 6379) else {
            return nil
        }
        self.address = address
    }

    package var description: String { "\(address)" }

    private static func database(inQuery query: Substring) -> Int? {
        for pair in query.split(separator: "&") where pair.hasPrefix("db=") { return Int(pair.dropFirst(3)) }
        return nil
    }
}

private func percentDecoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var iterator = text.utf8.makeIterator()
    while let byte = iterator.next() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let high = iterator.next(), let low = iterator.next(),
            let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
        else { return nil }
        bytes.append(value)
    }
    return String(validating: bytes, as: UTF8.self)
}
