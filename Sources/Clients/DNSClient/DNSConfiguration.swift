// SPDX-License-Identifier: Apache-2.0

/// Whom to ask, and how long to wait, as `resolv.conf(5)` says it.
package struct DNSConfiguration: Hashable, Sendable {
    package struct Server: Hashable, Sendable {
        /// Numeric.
        package var address: String
        package var port: UInt16

        package init(address: String, port: UInt16 = 53) {
            self.address = address
            self.port = port
        }

        /// `127.0.0.1`, `127.0.0.1:5353`, `::1` or `[::1]:5353`.
        package init?(_ text: String) {
            var host = text[...]
            var port: UInt16 = 53
            if text.hasPrefix("[") {
                guard let close = text.firstIndex(of: "]") else { return nil }
                host = text[text.index(after: text.startIndex)..<close]
                let rest = text[text.index(after: close)...]
                if rest.hasPrefix(":") {
                    guard let number = UInt16(rest.dropFirst()), number > 0 else { return nil }
                    port = number
                } else if !rest.isEmpty {
                    return nil
                }
            } else if text.filter({ $0 == ":" }).count == 1, let colon = text.firstIndex(of: ":") {
                host = text[..<colon]
                guard let number = UInt16(text[text.index(after: colon)...]), number > 0 else { return nil }
                port = number
            }
            guard NumericAddress(String(host), port: port) != nil else { return nil }
            self.init(address: String(host), port: port)
        }
    }

    package var servers = [Server(address: "127.0.0.1")]
    package var search: [String] = []
    /// A name with at least this many dots is asked for as it is before the search list.
    package var dots = 1
    package var timeout = Duration.seconds(2)
    package var attempts = 2

    package init() {}

    /// Reads a `resolv.conf`; what it does not say stays as above.
    package init(resolvConf text: String) {
        self.init()
        var servers: [Server] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
            guard let keyword = words.first, !keyword.hasPrefix("#"), !keyword.hasPrefix(";") else { continue }
            switch keyword {
            case "nameserver":
                if words.count > 1, servers.count < 3, let server = Server(words[1]) { servers.append(server) }
            case "search": search = Array(words.dropFirst().prefix(6))
            case "domain": if words.count > 1 { search = [words[1]] }
            case "options": for word in words.dropFirst() { apply(option: word) }
            default: break
            }
        }
        if !servers.isEmpty { self.servers = servers }
    }

    private mutating func apply(option: String) {
        let parts = option.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let value = Int(parts[1]), value >= 0 else { return }
        switch parts[0] {
        case "ndots": dots = min(value, 15)
        case "timeout": timeout = .seconds(min(max(1, value), 30))
        case "attempts": attempts = min(max(1, value), 5)
        default: break
        }
    }

    /// The names to try for one that was configured, in order.
    package func candidates(_ name: String) -> [String] {
        if name.hasSuffix(".") { return [name] }
        let searched = search.map { "\(name).\($0)" }
        return name.filter({ $0 == "." }).count >= dots ? [name] + searched : searched + [name]
    }
}
