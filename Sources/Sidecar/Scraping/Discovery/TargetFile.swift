// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import YAMLDocument

/// A file of target groups, as `file_sd_configs` names it: a list of `{ targets: […], labels: {…} }` in JSON or YAML.
package enum TargetFile {
    package struct Unreadable: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// Targets of one file beyond this make it unusable.
    package static let maximumTargets = 100_000

    /// Reads a file; its name says which of the two it is.
    package static func groups(
        _ bytes: [UInt8],
        path: String
    ) throws(Unreadable) -> [ScrapeConfiguration.TargetGroup] {
        let read = try path.hasSuffix(".json") ? json(bytes) : yaml(bytes, path)
        var groups: [ScrapeConfiguration.TargetGroup] = []
        var count = 0
        for (index, group) in read.enumerated() {
            count += group.targets.count
            guard count <= maximumTargets else {
                throw Unreadable(description: "more than \(maximumTargets) targets")
            }
            groups.append(
                ScrapeConfiguration.TargetGroup(
                    targets: group.targets,
                    labels: group.labels.merging(["__meta_filepath": path]) { $1 },
                    source: "\(path):\(index)"
                )
            )
        }
        return groups
    }

    private typealias Group = (targets: [String], labels: [String: String])

    private static func json(_ bytes: [UInt8]) throws(Unreadable) -> [Group] {
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONValue(parsing: bytes)
        } catch {
            throw Unreadable(description: error.description)
        }
        guard let list = document.array else { throw Unreadable(description: "expected a list of target groups") }
        var groups: [Group] = []
        for (index, element) in list.enumerated() {
            guard let members = element.members else {
                throw Unreadable(description: "[\(index)]: expected a mapping with targets and labels")
            }
            var group: Group = ([], [:])
            for member in members {
                switch member.name {
                case "targets":
                    guard let targets = member.value.array?.map(\.string), !targets.contains(nil) else {
                        throw Unreadable(description: "[\(index)].targets: expected a list of texts")
                    }
                    group.targets = targets.compactMap(\.self)
                case "labels":
                    guard let labels = member.value.members else {
                        throw Unreadable(description: "[\(index)].labels: expected a mapping of texts")
                    }
                    for label in labels {
                        guard let value = label.value.string else {
                            throw Unreadable(description: "[\(index)].labels.\(label.name): expected a text")
                        }
                        group.labels[label.name] = value
                    }
                default: throw Unreadable(description: "[\(index)]: unknown key \"\(member.name)\"")
                }
            }
            groups.append(group)
        }
        return groups
    }

    private static func yaml(_ bytes: [UInt8], _ path: String) throws(Unreadable) -> [Group] {
        let problems = YAMLProblems()
        let document = YAMLDocument.parse(bytes, file: path, problems: problems)
        var groups: [Group] = []
        if let root = document?.root {
            if root.elements == nil { throw Unreadable(description: "expected a list of target groups") }
            for (index, element) in (root.elements ?? []).enumerated() {
                guard let reader = YAMLMappingReader(element, file: path, path: "[\(index)]", problems: problems) else {
                    continue
                }
                let targets = reader.strings("targets") ?? []
                let labels = reader.stringPairs("labels") ?? []
                reader.finish()
                groups.append((targets, Dictionary(labels.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })))
            }
        }
        if let first = problems.sorted.first { throw Unreadable(description: first.description) }
        return groups
    }
}
