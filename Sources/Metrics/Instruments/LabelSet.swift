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
