// SPDX-License-Identifier: Apache-2.0

/// The answer to INFO, or to CLUSTER INFO: lines of `key:value`.
struct RedisInfo {
    /// In the order of the answer.
    private(set) var fields: [(key: String, value: String)] = []
    private var positions: [String: Int] = [:]

    init(_ text: String) {
        for line in text.utf8.split(whereSeparator: { $0 == 10 || $0 == 13 }) {
            guard line.first != UInt8(ascii: "#"), let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let key = String(Substring(line[..<colon]))
            positions[key] = fields.count
            fields.append((key, String(Substring(line[line.index(after: colon)...]))))
        }
    }

    subscript(_ key: String) -> String? { positions[key].map { fields[$0].value } }

    /// `name=value` pairs separated by commas.
    static func pairs(_ text: String) -> [String: String] {
        var pairs: [String: String] = [:]
        for part in text.split(separator: ",") {
            guard let equals = part.firstIndex(of: "=") else { continue }
            pairs[String(part[..<equals])] = String(part[part.index(after: equals)...])
        }
        return pairs
    }

    /// At its limit, and told to evict nothing: every write is refused, though PING says PONG.
    var isFullForGood: Bool {
        guard let maximum = self["maxmemory"].flatMap({ Double($0) }), maximum > 0,
            self["maxmemory_policy"] == "noeviction", let used = self["used_memory"].flatMap({ Double($0) })
        else { return false }
        let notCounted = self["mem_not_counted_for_evict"].flatMap { Double($0) } ?? 0
        return used - notCounted > maximum
    }

    /// `master0:name=mymaster,status=ok,address=127.0.0.1:6379,slaves=1,sentinels=3`.
    var sentinelMasters: [[String: String]] {
        fields.filter { $0.key.hasPrefix("master") && $0.value.hasPrefix("name=") }.map { Self.pairs($0.value) }
    }
}
