// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import PromQL

/// Finds the queries of a Grafana dashboard and parses them, with Grafana's variables filled in.
enum DashboardCheck {
    static func problems(in path: String) -> [String] {
        let root: JSONValue
        do {
            root = try JSONValue(parsing: try Input.read(path))
        } catch {
            return ["\(path): \(error)"]
        }
        var problems: [String] = []
        visit(root, title: "") { title, expression in
            do throws(ParseError) {
                _ = try parse(withoutVariables(expression))
            } catch {
                problems.append("\(path): panel \"\(title)\": \(error)")
            }
        }
        return problems
    }

    private static func visit(_ value: JSONValue, title: String, _ found: (String, String) -> Void) {
        switch value {
        case .object(let members):
            let inner = value["title"]?.string ?? title
            for member in members {
                if member.name == "expr", let text = member.value.string {
                    found(inner, text)
                } else {
                    visit(member.value, title: inner, found)
                }
            }
        case .array(let elements):
            for element in elements { visit(element, title: title, found) }
        default: break
        }
    }

    /// `$__rate_interval` and its kin become durations, `$name` and `${name}` in label values stay text.
    static func withoutVariables(_ expression: String) -> String {
        var text = expression
        for name in ["__rate_interval", "__interval", "__range"] {
            text = replacing("${\(name)}", "5m", in: replacing("$\(name)", "5m", in: text))
        }
        return text
    }

    private static func replacing(_ word: String, _ substitute: String, in text: String) -> String {
        let (wanted, new) = (Array(word.utf8), Array(substitute.utf8))
        var result: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.first {
            if rest.starts(with: wanted) {
                result += new
                rest = rest.dropFirst(wanted.count)
            } else {
                result.append(byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
