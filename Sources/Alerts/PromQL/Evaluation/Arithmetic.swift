// SPDX-License-Identifier: Apache-2.0

import Glibc
import TimeSeries

/// Operators on single values.
enum Arithmetic {
    /// The value, and for comparisons whether it passes (the value is the left one then).
    @inline(__always)
    static func floats(_ operation: BinaryOperator, _ left: Double, _ right: Double) -> (value: Double, isKept: Bool) {
        switch operation {
        case .add: (left + right, true)
        case .subtract: (left - right, true)
        case .multiply: (left * right, true)
        case .divide: (left / right, true)
        case .power: (pow(left, right), true)
        case .modulo: (fmod(left, right), true)
        case .arcTangent: (atan2(left, right), true)
        case .equal: (left, left == right)
        case .notEqual: (left, left != right)
        case .greater: (left, left > right)
        case .less: (left, left < right)
        case .greaterOrEqual: (left, left >= right)
        case .lessOrEqual: (left, left <= right)
        case .and, .or, .unless, .trimLower, .trimUpper: (left, false)
        }
    }

    static func scalars(_ operation: BinaryOperator, _ left: Double, _ right: Double) -> Double {
        let result = floats(operation, left, right)
        return operation.isComparison ? (result.isKept ? 1 : 0) : result.value
    }

    /// The same where a histogram may take part, `bool` applied; nil where nothing comes out.
    static func values(
        _ node: BinaryOperation,
        _ left: SampleValue,
        _ right: SampleValue,
        _ annotations: inout AnnotationSet
    ) -> (value: SampleValue, isKept: Bool)? {
        guard let outcome = filtered(node, left, right, &annotations) else { return nil }
        if node.returnsBool { return (.float(outcome.isKept ? 1 : 0), true) }
        return outcome.isKept ? outcome : nil
    }

    /// The value and whether a comparison passes; nil and a remark where the operator is not for these.
    static func filtered(
        _ node: BinaryOperation,
        _ left: SampleValue,
        _ right: SampleValue,
        _ annotations: inout AnnotationSet
    ) -> (value: SampleValue, isKept: Bool)? {
        let operation = node.operation
        switch (left, right) {
        case (.float(let first), .float(let second)):
            if operation == .trimLower || operation == .trimUpper {
                annotations.incompatibleTypes("float", operation.rawValue, "float", node.range)
                return nil
            }
            let result = floats(operation, first, second)
            return (.float(result.value), result.isKept)
        case (.float(let factor), .histogram(var histogram)):
            guard operation == .multiply else {
                annotations.incompatibleTypes("float", operation.rawValue, "histogram", node.range)
                return nil
            }
            histogram.multiply(by: factor)
            return (.histogram(histogram.compacted()), true)
        case (.histogram(var histogram), .float(let number)):
            switch operation {
            case .multiply: histogram.multiply(by: number)
            case .divide: histogram = histogram.divided(by: number)
            case .trimUpper: histogram.trim(at: number, keepsBelow: true)
            case .trimLower: histogram.trim(at: number, keepsBelow: false)
            default:
                annotations.incompatibleTypes("histogram", operation.rawValue, "float", node.range)
                return nil
            }
            return (.histogram(histogram.compacted()), true)
        case (.histogram(let first), .histogram(let second)):
            return histograms(node, first, second, &annotations)
        }
    }

    private static func histograms(
        _ node: BinaryOperation,
        _ left: FloatHistogram,
        _ right: FloatHistogram,
        _ annotations: inout AnnotationSet
    ) -> (value: SampleValue, isKept: Bool)? {
        var result = left
        switch node.operation {
        case .equal: return (.histogram(left), left.compacted().holdsSame(as: right.compacted()))
        case .notEqual: return (.histogram(left), !left.compacted().holdsSame(as: right.compacted()))
        case .add, .subtract:
            let isSum = node.operation == .add
            do throws(IncompatibleHistograms) {
                let remarks = isSum ? try result.add(right) : try result.subtract(right)
                if !isSum { result.counterResetHint = .gauge }
                let word = isSum ? "addition" : "subtraction"
                if remarks.hintsCollide { annotations.counterResetCollision(word, node.range) }
                if remarks.boundsReconciled { annotations.mismatchedCustomBuckets(word, node.range) }
            } catch {
                annotations.incompatibleBucketLayout(node.operation.rawValue, node.range)
                return nil
            }
            return (.histogram(result.compacted()), true)
        default:
            annotations.incompatibleTypes("histogram", node.operation.rawValue, "histogram", node.range)
            return nil
        }
    }
}
