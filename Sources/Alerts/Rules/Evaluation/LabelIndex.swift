// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Elements by their labels, to find those that agree with other labels (names on both sides carry one value) without
/// looking at each: ten thousand alerts over ten thousand series are a hundred million pairs.
struct LabelIndex<Element> {
    /// Elements whose labels have the same names.
    private struct Shape {
        let names: [String]
        var elements: [(labels: Labels, element: Element)] = []
    }

    private struct Projection: Hashable {
        let shape: Int
        let names: [String]
    }

    private var shapes: [Shape] = []
    /// By the values of the names that a shape has in common with what was asked for.
    private var tables: [Projection: [Labels: [Element]]] = [:]

    init(_ elements: [Element], by labels: (Element) -> Labels) {
        var places: [[String]: Int] = [:]
        for element in elements {
            let labels = labels(element)
            let names = labels.pairs.map(\.name)
            let place = places[names] ?? shapes.count
            if place == shapes.count {
                places[names] = place
                shapes.append(Shape(names: names))
            }
            shapes[place].elements.append((labels, element))
        }
    }

    /// All that agree, in lists that are not empty.
    mutating func agreeing(with labels: Labels) -> [[Element]] {
        let names = labels.pairs.map(\.name)
        return shapes.indices.compactMap { shape in
            let common = shapes[shape].names.filter { names.contains($0) }
            return table(Projection(shape: shape, names: common))[labels.keeping(common)]
        }
    }

    private mutating func table(_ projection: Projection) -> [Labels: [Element]] {
        if let known = tables[projection] { return known }
        var table: [Labels: [Element]] = [:]
        for (labels, element) in shapes[projection.shape].elements {
            table[labels.keeping(projection.names), default: []].append(element)
        }
        tables[projection] = table
        return table
    }
}
