// SPDX-License-Identifier: Apache-2.0

/// Name, help and type of a family of series that a check yields.
///
/// Declare families as constants: string literals are never copied or counted, so a family costs nothing per sample.
public struct CheckFamily: Sendable, Hashable, ExpressibleByStringLiteral {
    /// The Prometheus type under which the family is exposed.
    public enum Kind: String, Sendable, Hashable {
        /// A value that goes up and down.
        case gauge
        /// A value that only grows, until it starts again from zero.
        case counter
        /// No claim about the value.
        case untyped
    }

    /// The metric name, as the exporter of that system calls it.
    public let name: String
    /// One line that explains the family.
    public let help: String
    /// Gauge, counter or untyped.
    public let kind: Kind

    /// Creates a family.
    public init(_ name: String, help: String = "", kind: Kind = .gauge) {
        self.name = name
        self.help = help
        self.kind = kind
    }

    /// A gauge without help.
    public init(stringLiteral name: String) { self.init(name) }
}

/// A label of a check's sample.
public struct CheckLabel: Sendable, Hashable {
    /// The label's name.
    public let name: String
    /// The label's value.
    public let value: String

    /// Creates a label.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// One value that a check measured.
///
/// `check`, `job` and `instance` are added by whoever stores the sample; a check never sets them. A check that yields
/// the same series each time should hand out the same `labels` array: comparing it with the previous one is then free.
public struct CheckSample: Sendable, Hashable {
    /// Name, help and type.
    public let family: CheckFamily
    /// The labels besides `check`, `job` and `instance`.
    public let labels: [CheckLabel]
    /// The value; leave a sample out instead of using NaN for "not known".
    public let value: Double

    /// The metric name.
    public var name: String { family.name }

    /// Creates a sample; a string literal stands for a gauge of that name.
    public init(_ family: CheckFamily, _ labels: [CheckLabel] = [], _ value: Double) {
        self.family = family
        self.labels = labels
        self.value = value
    }
}
