// SPDX-License-Identifier: Apache-2.0

/// The switchable parts of the language, under the names that `--enable-feature` of Prometheus gives them.
package struct FeatureSet: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let experimentalFunctions = FeatureSet(rawValue: 1)
    package static let durationExpressions = FeatureSet(rawValue: 2)
    package static let extendedRangeSelectors = FeatureSet(rawValue: 4)
    package static let fillModifiers = FeatureSet(rawValue: 8)
    package static let delayedNameRemoval = FeatureSet(rawValue: 16)
    package static let typeAndUnitLabels = FeatureSet(rawValue: 32)

    /// Everything that a rule unit test may use, as in promtool: all but the two that change the meaning of stock queries.
    package static let allLanguage: FeatureSet = [
        .experimentalFunctions, .durationExpressions, .extendedRangeSelectors, .fillModifiers,
    ]
    package static let all: FeatureSet = [.allLanguage, .delayedNameRemoval, .typeAndUnitLabels]

    /// Name on the command line and flag, in the order of documentation.
    package static let names: [(name: String, feature: FeatureSet)] = [
        ("promql-experimental-functions", .experimentalFunctions),
        ("promql-duration-expr", .durationExpressions),
        ("promql-extended-range-selectors", .extendedRangeSelectors),
        ("promql-binop-fill-modifiers", .fillModifiers),
        ("promql-delayed-name-removal", .delayedNameRemoval),
        ("type-and-unit-labels", .typeAndUnitLabels),
    ]

    /// The feature of that command line name; nil when the name is not one of PromQL's.
    package init?(name: String) {
        guard let known = Self.names.first(where: { $0.name == name }) else { return nil }
        self = known.feature
    }
}
