// SPDX-License-Identifier: Apache-2.0

/// The labels of one series of a family, as a type: the names are fixed when the program is compiled.
///
/// ```swift
/// struct BookingLabels: LabelSet {
///     static let labelNames = ["outcome", "room"]
///     var outcome: Outcome          // enum Outcome: String, LabelValue
///     var room: String
///     func encode(to values: inout some LabelEncoder) {
///         values.append(outcome)
///         values.append(room)
///     }
/// }
/// ```
/// A label set that is `CaseIterable` has all its series from the start, and looking one up takes no lock.
public protocol LabelSet: Hashable, Sendable {
    /// Names in the order in which `encode` appends the values.
    static var labelNames: [String] { get }

    /// Appends one value per name, in the order of `labelNames`.
    /// - Parameter values: takes them.
    func encode(to values: inout some LabelEncoder)
}

/// Takes the values of a label set.
public protocol LabelEncoder {
    /// Appends a value.
    /// - Parameter value: any text.
    mutating func append(_ value: String)
}

extension LabelEncoder {
    /// Appends a value.
    /// - Parameter value: its text is the label's value.
    @inlinable
    public mutating func append(_ value: some LabelValue) {
        append(value.labelValue)
    }
}

/// Something with a text for a label, usually an enum of strings.
public protocol LabelValue: Hashable, Sendable {
    /// The text.
    var labelValue: String { get }
}

extension LabelValue where Self: RawRepresentable, RawValue == String {
    /// The raw value.
    @inlinable public var labelValue: String { rawValue }
}

/// An enum of strings that is a whole label set: one label, all series there from the start.
///
/// ```swift
/// enum Outcome: String, LabelEnum {
///     static let labelName = "outcome"
///     case success, failure
/// }
/// ```
public protocol LabelEnum: LabelSet, LabelValue, CaseIterable, RawRepresentable where RawValue == String {
    /// The label's name.
    static var labelName: String { get }
}

extension LabelEnum {
    /// The one name.
    public static var labelNames: [String] { [labelName] }

    /// Appends the raw value.
    /// - Parameter values: takes it.
    @inlinable
    public func encode(to values: inout some LabelEncoder) {
        values.append(rawValue)
    }
}

/// Collects the values as texts.
struct LabelCollector: LabelEncoder {
    private(set) var values: [String] = []

    mutating func append(_ value: String) {
        values.append(value)
    }
}

/// Hashes the values: eight bytes at a time, multiplied and folded, with a seed per process.
@usableFromInline
struct LabelHasher: LabelEncoder {
    @usableFromInline var state: UInt64

    @inlinable
    init(seed: UInt64) {
        state = seed
    }

    @inlinable
    mutating func append(_ value: String) {
        var value = value
        let seed = state
        state = value.withUTF8 { bytes in
            unsafe Self.hash(UnsafeRawBufferPointer(bytes), seed: seed)
        }
    }

    @inlinable
    @inline(__always)
    static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @inlinable
    static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        let count = bytes.count
        var state = seed ^ UInt64(truncatingIfNeeded: count) &* 0x9e37_79b9_7f4a_7c15
        if count >= 8 {
            var offset = 0
            while offset &+ 8 <= count {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                state = fold(state ^ word, 0xa076_1d64_78bd_642f)
                offset &+= 8
            }
            // The last eight bytes, some of them for the second time, instead of a loop over the rest.
            let word = unsafe bytes.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
            return fold(state ^ word, 0xe703_7ed1_a0b4_28db)
        }
        var word: UInt64 = 0
        if count >= 4 {
            let low = unsafe bytes.loadUnaligned(as: UInt32.self)
            let high = unsafe bytes.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
            word = UInt64(low) << 32 | UInt64(high)
        } else if count > 0 {
            let first = unsafe UInt64(bytes[0])
            let middle = unsafe UInt64(bytes[count >> 1])
            let last = unsafe UInt64(bytes[count &- 1])
            word = first << 16 | middle << 8 | last
        }
        return fold(state ^ word, 0xe703_7ed1_a0b4_28db)
    }
}
