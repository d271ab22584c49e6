// SPDX-License-Identifier: Apache-2.0

import Exposition
import Testing

@Suite
struct NumberTests {
    private func parse(_ text: String) -> Double? { ExpositionNumber.parse(Array(text.utf8).span) }

    @Test(
        arguments: [
            (0, "0", "0.0"), (-0.0, "-0", "-0.0"), (1, "1", "1.0"), (-1, "-1", "-1.0"), (10, "10", "10.0"),
            (999_999, "999999", "999999.0"), (1_000_000, "1e+06", "1e+06"), (1_234_567, "1.234567e+06", "1.234567e+06"),
            (100_000, "100000", "100000.0"), (0.1, "0.1", "0.1"), (0.005, "0.005", "0.005"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "1e-05"), (0.000123456, "0.000123456", "0.000123456"), (2.5, "2.5", "2.5"),
            (1e21, "1e+21", "1e+21"), (1e100, "1e+100", "1e+100"),
            (1.7976931348623157e308, "1.7976931348623157e+308", nil),
            (.leastNonzeroMagnitude, "5e-324", nil), (2.2250738585072014e-308, "2.2250738585072014e-308", nil),
            (123456.789, "123456.789", nil), (0.30000000000000004, "0.30000000000000004", nil),
            (9_007_199_254_740_992, "9.007199254740992e+15", nil), (1_725_184_800.123, "1.725184800123e+09", nil),
            (.infinity, "+Inf", "+Inf"), (-.infinity, "-Inf", "-Inf"), (.nan, "NaN", "NaN"),
            (1e-7, "1e-07", nil), (123e-7, "1.23e-05", nil), (12345.678e-3, "12.345678", nil), (1e5, "100000", nil),
        ] as [(Double, String, String?)]
    )
    func rendersAsGo(value: Double, text: String, canonical: String?) {
        #expect(ExpositionNumber.text(value) == text)
        if let canonical { #expect(ExpositionNumber.canonicalText(value) == canonical) }
    }

    @Test func everyFiniteNumberReadsBackInTheFewestDigits() {
        var random = SeededRandom()
        print("seed \(random.seed)")
        for round in 0..<300_000 {
            var value = Double(bitPattern: random.next())
            if round % 3 == 1 {
                value = Double(Int64.random(in: -1_000_000_000_000...1_000_000_000_000, using: &random)) / 1000
            }
            if round % 3 == 2 { value = Double(Int64.random(in: .min ... .max, using: &random)) }
            guard value.isFinite else { continue }
            let text = ExpositionNumber.text(value)
            guard parse(text)?.bitPattern == value.bitPattern, digits(text) == digits(value.description) else {
                Issue.record("\(value) became \(text), seed \(random.seed)")
                return
            }
        }
    }

    /// Significant digits and the power of ten of the first.
    private func digits(_ text: String) -> [Int] {
        var digits: [Int] = []
        var point: Int?
        var exponent = 0
        var rest = Substring(text)
        if rest.first == "-" { rest = rest.dropFirst() }
        if let mark = rest.firstIndex(where: { $0 == "e" || $0 == "E" }) {
            exponent = Int(rest[rest.index(after: mark)...]) ?? 0
            rest = rest[..<mark]
        }
        for character in rest {
            if character == "." { point = digits.count } else { digits.append(character.wholeNumberValue ?? 0) }
        }
        var power = (point ?? digits.count) + exponent
        while digits.first == 0 {
            digits.removeFirst()
            power -= 1
        }
        while digits.last == 0 { digits.removeLast() }
        return digits.isEmpty ? [] : [power] + digits
    }

    @Test func readsAsTheStandardLibraryDoes() {
        var random = SeededRandom()
        print("seed \(random.seed)")
        for _ in 0..<300_000 {
            var text = random.chance(30) ? "-" : ""
            let count = Int.random(in: 1...(random.chance(5) ? 40 : 20), using: &random)
            let point = Int.random(in: 0...count * 2, using: &random)
            for index in 0..<count {
                if index == point, index > 0 { text += "." }
                text += String(Int.random(in: 0...9, using: &random))
            }
            if random.chance(40) {
                text += random.chance(50) ? "e" : "E"
                text += ["", "-", "+"].randomElement(using: &random) ?? ""
                text += String(Int.random(in: 0...(random.chance(20) ? 330 : 30), using: &random))
            }
            let expected = Double(text).flatMap { $0.isFinite ? $0 : nil }
            guard parse(text)?.bitPattern == expected?.bitPattern else {
                Issue.record("\(text) is \(parse(text) as Any), not \(expected as Any), seed \(random.seed)")
                return
            }
        }
    }

    /// Halves between two doubles and their neighbours: where rounding is hard.
    @Test func roundsHardCases() {
        var random = SeededRandom()
        for _ in 0..<50_000 {
            let mantissa = UInt64.random(in: 1 << 52..<1 << 53, using: &random)
            let half = (mantissa << 1 | 1) &+ UInt64(0)
            for text in ["\(half)", "\(half)0", "\(half)e3", "\(half).0000000000000000001", "\(half)e-3", "\(half)e22"]
            {
                #expect(parse(text)?.bitPattern == Double(text)?.bitPattern, "\(text)")
            }
        }
    }

    @Test(
        arguments: [
            ("1e400", nil), ("-1e400", nil), ("1e309", nil), ("1e-400", 0), ("-1e-400", -0.0), ("0x1p-2", nil),
            ("0x10", nil),
            ("1_000", nil), ("NaN", .nan), ("nan", .nan), ("+nan", nil), ("-NaN", nil), ("Inf", .infinity),
            ("+Inf", .infinity),
            ("-inf", -.infinity), ("+infinity", .infinity), ("INFINITY", .infinity), ("Infinit", nil), ("in", nil),
            ("5e-324", .leastNonzeroMagnitude),
            ("9007199254740993", 9_007_199_254_740_992), ("+1", 1), ("+ 1", nil), ("--1", nil), (".5", 0.5), ("5.", 5),
            (".", nil), ("", nil),
            ("1e", nil), ("1e+", nil), ("e5", nil), ("1.2.3", nil), ("1 2", nil), ("-", nil), ("+", nil), ("0", 0),
            ("-0", -0.0), ("00012", 12),
            ("\u{661}\u{662}", nil), ("1e1000000000000000000000", nil), ("0e1000000000000000000000", 0),
            ("1e-1000000000000000000000", 0),
            ("179769313486231580793e289", nil), ("1.7976931348623157e308", 1.7976931348623157e308),
            ("123456789012345678901234567890", 1.2345678901234568e29),
            (".5e1", 5), ("5.e1", 50), ("0.000000000000000000000000000000001", 1e-33), ("1.e", nil), ("1,5", nil),
            ("1d", nil), ("1f", nil), ("\u{2212}1", nil),
            ("000000000000000000000000000000000000000000000001", 1),
            (".00000000000000000000000000000000000000000000000001e50", 1),
        ] as [(String, Double?)]
    )
    func acceptsWhatGoAccepts(text: String, expected: Double?) {
        let value = parse(text)
        if let expected, expected.isNaN {
            #expect(value?.isNaN == true)
        } else {
            #expect(value?.bitPattern == expected?.bitPattern)
        }
    }
}
