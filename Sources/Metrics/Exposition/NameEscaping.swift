// SPDX-License-Identifier: Apache-2.0

/// How names outside `[a-zA-Z_:][a-zA-Z0-9_:]*` reach a reader. The raw value is the word in `Accept` and `Content-Type`.
public enum NameEscaping: String, Sendable, Hashable, CaseIterable {
    /// Names as they are, quoted where needed.
    case allowUTF8 = "allow-utf-8"
    /// Every other character becomes `_`.
    case underscores
    /// `.` becomes `_dot_`, `_` becomes `__`, every other character `__`.
    case dots
    /// `U__` before the name, `_` becomes `__`, every other character its number in hexadecimal: `_2e_`.
    case values

    /// The name in this scheme. A classic name stays as it is.
    /// - Parameters:
    ///   - name: a metric or label name.
    ///   - isLabel: label names have no colon.
    public func escape(_ name: String, isLabel: Bool = false) -> String {
        if self == .allowUTF8 || Self.isClassic(name, isLabel: isLabel) { return name }
        if name.isEmpty { return "_" }
        var result = self == .values ? "U__" : ""
        for (index, scalar) in name.unicodeScalars.enumerated() {
            let isPlain = Self.isClassic(scalar, isFirst: index == 0, isLabel: isLabel)
            switch self {
            case .allowUTF8: result.unicodeScalars.append(scalar)
            case .underscores: result.unicodeScalars.append(isPlain ? scalar : "_")
            case .dots:
                switch scalar {
                case "_": result += "__"
                case ".": result += "_dot_"
                default: result += isPlain ? String(scalar) : "__"
                }
            case .values:
                if scalar == "_" {
                    result += "__"
                } else if isPlain {
                    result.unicodeScalars.append(scalar)
                } else {
                    result += "_" + String(scalar.value, radix: 16) + "_"
                }
            }
        }
        return result
    }

    /// Whether a name can stand unquoted in every format.
    /// - Parameters:
    ///   - name: a metric or label name.
    ///   - isLabel: label names have no colon.
    public static func isClassic(_ name: String, isLabel: Bool = false) -> Bool {
        var isFirst = true
        for scalar in name.unicodeScalars {
            guard isClassic(scalar, isFirst: isFirst, isLabel: isLabel) else { return false }
            isFirst = false
        }
        return !isFirst
    }

    private static func isClassic(_ scalar: Unicode.Scalar, isFirst: Bool, isLabel: Bool) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "_": true
        case "0"..."9": !isFirst
        case ":": !isLabel
        default: false
        }
    }
}
