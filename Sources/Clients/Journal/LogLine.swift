// SPDX-License-Identifier: Apache-2.0

import Logging

/// How log lines look.
package enum LogFormat: String, Hashable, Sendable, CaseIterable {
    case json, logfmt
}

/// One log event as a line of text.
struct LogLine {
    var time: String
    var level: Logger.Level
    var label: String
    var message: String
    /// Sorted by key.
    var metadata: [(key: String, value: String)]

    func render(_ format: LogFormat) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(160)
        switch format {
        case .json: renderJSON(into: &out)
        case .logfmt: renderLogfmt(into: &out)
        }
        out.append(UInt8(ascii: "\n"))
        return out
    }

    private func renderJSON(into out: inout [UInt8]) {
        out += Array("{\"time\":\"\(time)\",\"level\":\"\(level.rawValue)\",\"logger\":".utf8)
        appendQuoted(label, to: &out)
        out += Array(",\"message\":".utf8)
        appendQuoted(message, to: &out)
        for (key, value) in metadata {
            out.append(UInt8(ascii: ","))
            // A key of ours is never hidden by one of the event's.
            appendQuoted(["time", "level", "logger", "message"].contains(key) ? "metadata." + key : key, to: &out)
            out.append(UInt8(ascii: ":"))
            appendQuoted(value, to: &out)
        }
        out.append(UInt8(ascii: "}"))
    }

    private func renderLogfmt(into out: inout [UInt8]) {
        out += Array("time=\(time) level=\(level.rawValue) logger=".utf8)
        appendWord(label, to: &out)
        out += Array(" msg=".utf8)
        appendWord(message, to: &out)
        for (key, value) in metadata {
            out.append(UInt8(ascii: " "))
            for byte in key.utf8 { out.append(isPlain(byte) ? byte : UInt8(ascii: "_")) }
            out.append(UInt8(ascii: "="))
            appendWord(value, to: &out)
        }
    }
}

private func appendWord(_ text: String, to out: inout [UInt8]) {
    if !text.isEmpty, text.utf8.allSatisfy(isPlain) { out += Array(text.utf8) } else { appendQuoted(text, to: &out) }
}

/// A byte that needs no quotes in logfmt.
private func isPlain(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte != UInt8(ascii: "=") && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") && byte != 0x7f
}

/// A JSON string: one line whatever the text, so that no value can forge an entry.
private func appendQuoted(_ text: String, to out: inout [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    out.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
        case UInt8(ascii: "\n"): out += Array("\\n".utf8)
        case UInt8(ascii: "\r"): out += Array("\\r".utf8)
        case UInt8(ascii: "\t"): out += Array("\\t".utf8)
        case 0..<0x20, 0x7f: out += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        default: out.append(byte)
        }
    }
    out.append(UInt8(ascii: "\""))
}
