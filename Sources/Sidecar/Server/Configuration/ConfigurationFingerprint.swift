// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// Tells whether a part of the configuration is still the same after a reload: its text, and what its placeholders stand
/// for now, so that a rotated password counts. Only a hash is kept.
struct ConfigurationFingerprint {
    let secrets: SecretResolver
    private static let maximumDepth = 100

    func text(_ node: YAMLNode) -> String {
        var hasher = Hasher()
        combine(node, depth: 0, into: &hasher)
        return String(hasher.finalize())
    }

    private func combine(_ node: YAMLNode, depth: Int, into hasher: inout Hasher) {
        guard depth < Self.maximumDepth else { return }
        switch node.content {
        case .scalar(let value, _):
            hasher.combine(0)
            // A placeholder that cannot be replaced has been reported where it is read.
            hasher.combine((try? secrets.resolve(value)) ?? value)
        case .mapping(let entries):
            hasher.combine(1)
            hasher.combine(entries.count)
            for entry in entries {
                hasher.combine(entry.name)
                combine(entry.value, depth: depth + 1, into: &hasher)
            }
        case .sequence(let elements):
            hasher.combine(2)
            hasher.combine(elements.count)
            for element in elements { combine(element, depth: depth + 1, into: &hasher) }
        }
    }
}
