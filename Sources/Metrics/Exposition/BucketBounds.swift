// SPDX-License-Identifier: Apache-2.0

/// The upper bounds of a classic histogram with their `le` labels rendered once, shared by all series of a family.
public struct BucketBounds: Sendable, Hashable {
    /// Finite bounds in ascending order; the bucket up to `+Inf` is implied and always written.
    public let upperBounds: [Double]
    let text: [[UInt8]]
    let openMetrics: [[UInt8]]

    /// Sorts the bounds and drops duplicates, NaN and infinities.
    /// - Parameter bounds: upper bounds, inclusive.
    public init(_ bounds: [Double]) {
        var finite: [Double] = []
        for bound in bounds.filter(\.isFinite).sorted() where finite.last != bound { finite.append(bound) }
        self.upperBounds = finite
        self.text = (finite + [.infinity]).map { Self.label("le", $0, canonical: false) }
        self.openMetrics = (finite + [.infinity]).map { Self.label("le", $0, canonical: true) }
    }

    /// Finite bounds plus one.
    public var bucketCount: Int { upperBounds.count + 1 }

    static func label(_ name: StaticString, _ value: Double, canonical: Bool) -> [UInt8] {
        var builder = ByteBuilder(capacity: 64)
        builder.append(name)
        builder.append("=\"")
        let start = unsafe builder.reserve(NumberRendering.longestNumber)
        unsafe builder.advance(to: NumberRendering.write(value, canonical: canonical, to: start))
        builder.append("\"")
        return unsafe Array(builder.bytes)
    }
}
