// SPDX-License-Identifier: Apache-2.0

import JSONDocument

/// Query results as promtool prints them: `up{job="a"} => 1 @[1725184800]`.
enum QueryText {
    static func result(_ data: JSONValue) -> String {
        switch data["resultType"]?.string {
        case "scalar": return "scalar: " + point(data["result"] ?? .null) + "\n"
        case "string": return (data["result"]?.array?.last?.string ?? "") + "\n"
        case "vector":
            return (data["result"]?.array ?? []).map { sample in
                "\(metric(sample["metric"] ?? .null)) => \(point(sample["value"] ?? sample["histogram"] ?? .null))\n"
            }.joined()
        case "matrix":
            return (data["result"]?.array ?? []).map { series in
                let points = (series["values"]?.array ?? []) + (series["histograms"]?.array ?? [])
                let lines = points.map { point($0) + "\n" }.joined()
                return "\(metric(series["metric"] ?? .null)) =>\n\(lines)"
            }.joined()
        default: return ""
        }
    }

    /// `name{a="b"}`; with `sorted`, the name stays among the labels.
    static func metric(_ labels: JSONValue, sorted: Bool = false) -> String {
        let members = (labels.members ?? []).sorted { $0.name < $1.name }
        let name = sorted ? "" : labels["__name__"]?.string ?? ""
        let inside = members.filter { sorted || $0.name != "__name__" }.map { member in
            "\(member.name)=\(quoted(member.value.string ?? ""))"
        }
        return inside.isEmpty && !name.isEmpty ? name : "\(name){\(inside.joined(separator: ", "))}"
    }

    private static func point(_ pair: JSONValue) -> String {
        guard let elements = pair.array, elements.count == 2, let time = elements[0].number else { return "" }
        let moment = Int64(exactly: time).map { String($0) } ?? time.description
        if let value = elements[1].string { return "\(value) @[\(moment)]" }
        let count = elements[1]["count"]?.string ?? ""
        let sum = elements[1]["sum"]?.string ?? ""
        return "{count:\(count), sum:\(sum)} @[\(moment)]"
    }

    private static func quoted(_ value: String) -> String {
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
