// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// Makes a text into one that is nearly an expression, or nearly none.
enum TextMutator {
    private static let fragments: [[UInt8]] = [
        "sum", "by", "(", ")", "{", "}", "[5m]", "[", "]", ":", "offset", "-", "@", "start()", "end()", "1e300", "NaN",
        "Inf",
        "rate(", "\"", "'", "`", "\\", "\\x", "\\u00e9", "\\U0010ffff", "\\777", "=~", "!~", "!=", "==", "!", "_", "x",
        ",",
        "histogram_quantile(", "on(", "ignoring(", "group_left", "group_right(a)", "fill(0)", "fill_left(1)", "bool",
        "smoothed", "anchored", "[1h:1m]", "[1h:]", "^", "%", "/", ">/", "</", "\u{0}", "é", "0x", "0b1", "1_0", ".",
        "e+",
        "9223372036854775807", "9223372036854775808", "300y", "1ms", "1d12h", "topk(", "bottomk(", "limitk(",
        "limit_ratio(",
        "count_values(\"a\",", "label_replace(", "label_join(", "info(", "step()", "range()", "min_of(", "max_of(",
        "unless", "and", "or", "without", "#", "\n", "\t", "inf", "nan", "+Inf", "{{", "}}", "schema:", "x3", "stale",
        "_x2",
        "atan2", "{__name__=~\".+\"}", "time()", "a", "h", "<=", ">=", "*",
    ].map { Array($0.utf8) }

    static func mutate(_ text: String, _ donor: String, _ random: inout SeededGenerator) -> String {
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let at = bytes.isEmpty ? 0 : Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, at + Int.random(in: 0...10, using: &random))
            switch Int.random(in: 0..<9, using: &random) {
            case 0, 1: bytes.insert(contentsOf: fragments.randomElement(using: &random) ?? [], at: at)
            case 2: if !bytes.isEmpty { bytes.remove(at: at) }
            case 3: if !bytes.isEmpty { bytes[at] = UInt8.random(in: 0...255, using: &random) }
            case 4: bytes.removeSubrange(at..<end)
            case 5:
                let other = Array(donor.utf8)
                let start = other.isEmpty ? 0 : Int.random(in: 0..<other.count, using: &random)
                bytes.insert(contentsOf: other[start..<min(other.count, start + 20)], at: at)
            case 6: bytes.replaceSubrange(at..<end, with: fragments.randomElement(using: &random) ?? [])
            case 7: bytes.insert(contentsOf: bytes[at..<end], at: at)
            default: bytes = Array("(".utf8) + bytes + Array(")".utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
