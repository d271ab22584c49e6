// SPDX-License-Identifier: Apache-2.0

/// Collects pairs in any order and makes `Labels` of them; can be used again after `removeAll()`.
package struct LabelsBuilder {
    private var pairs: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] = []

    package init() {}

    package init(_ labels: Labels) {
        labels.forEachUTF8 { name, value in pairs.append((name: name, value: value)) }
    }

    package var count: Int { pairs.count }

    package mutating func removeAll() { pairs.removeAll(keepingCapacity: true) }

    /// Sets or replaces; an empty value takes the label away when `build()` runs.
    package mutating func set(_ name: some Collection<UInt8>, _ value: some Collection<UInt8>) {
        let value = ArraySlice(value)
        if let index = pairs.firstIndex(where: { $0.name.elementsEqual(name) }) {
            pairs[index].value = value
        } else {
            pairs.append((name: ArraySlice(name), value: value))
        }
    }

    package mutating func set(_ name: String, to value: String) { set(name.utf8, value.utf8) }

    package mutating func remove(_ name: String) { pairs.removeAll { $0.name.elementsEqual(name.utf8) } }

    package func value(of name: some Collection<UInt8>) -> ArraySlice<UInt8>? {
        pairs.first { $0.name.elementsEqual(name) }?.value
    }

    package subscript(name: String) -> String? {
        value(of: name.utf8).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The names as they stand, in no particular order.
    package var names: [String] { pairs.map { String(decoding: $0.name, as: UTF8.self) } }

    package func build() -> Labels { Labels(encoded: LabelsEncoding.encode(pairs.lazy.map { ($0.name, $0.value) })) }
}
