// SPDX-License-Identifier: Apache-2.0

/// Numbers as text, the way Prometheus and Go write them.
public enum ExpositionNumber {
    /// The shortest text that reads back as the value: `0.1`, `1e+06`, `+Inf`, `NaN`.
    /// - Parameter value: any number.
    /// - Returns: its text.
    public static func text(_ value: Double) -> String { text(value, canonical: false) }

    /// The form OpenMetrics wants for `le` and `quantile`, in which Prometheus stores them: `1.0`, `0.5`, `+Inf`.
    /// - Parameter value: any number.
    /// - Returns: its text.
    public static func canonicalText(_ value: Double) -> String { text(value, canonical: true) }

    private static func text(_ value: Double, canonical: Bool) -> String {
        var builder = ByteBuilder(capacity: 64)
        let start = unsafe builder.reserve(NumberRendering.longestNumber)
        unsafe builder.advance(to: NumberRendering.write(value, canonical: canonical, to: start))
        return unsafe String(decoding: builder.bytes, as: UTF8.self)
    }

    /// Reads a number as the formats allow it: Go's decimal syntax with `NaN` and `Inf` in any case.
    /// - Parameter text: nothing but the number.
    /// - Returns: the value, or nil for what is none or too large.
    public static func parse(_ text: Span<UInt8>) -> Double? {
        unsafe text.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return nil }
            let end = unsafe start + bytes.count
            guard let (value, stop) = unsafe NumberParsing.double(start, end), unsafe stop == end else { return nil }
            return value
        }
    }
}
