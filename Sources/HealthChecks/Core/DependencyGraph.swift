// SPDX-License-Identifier: Apache-2.0

/// Which check explains the failure of which other: the `depends_on` of the configuration.
///
/// Checks, scrape targets and alerts may all be nodes; the graph knows only names.
public struct DependencyGraph: Sendable, Hashable {
    /// What is wrong with a set of `depends_on` lists.
    public enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// A name that nothing has.
        case unknown(name: String, in: String)
        /// Names that depend on each other in a circle, in order.
        case cycle([String])

        /// One line for a person.
        public var description: String {
            switch self {
            case .unknown(let name, let dependent): "\(dependent) depends on \(name), which does not exist"
            case .cycle(let names): "dependency cycle: \(names.joined(separator: " -> "))"
            }
        }
    }

    private let parents: [String: [String]]

    /// A graph without edges.
    public init() { parents = [:] }

    /// Builds the graph; every dependency has to be a key itself.
    public init(_ dependsOn: [String: [String]]) throws(Problem) {
        for (name, dependencies) in dependsOn.sorted(by: { $0.key < $1.key }) {
            for dependency in dependencies where dependsOn[dependency] == nil {
                throw .unknown(name: dependency, in: name)
            }
        }
        if let cycle = Self.cycle(in: dependsOn) { throw .cycle(cycle) }
        parents = dependsOn.filter { !$0.value.isEmpty }
    }

    /// The direct dependencies of a name.
    public func dependencies(of name: String) -> [String] { parents[name] ?? [] }

    /// The failures at the bottom of a failure: those reached over failing dependencies that have no failing
    /// dependency themselves, sorted. Empty when the name is its own root.
    public func rootCauses(of name: String, isFailing: (String) -> Bool) -> [String] {
        var roots: Set<String> = []
        var seen: Set<String> = [name]
        var open = [name]
        while let current = open.popLast() {
            let failing = dependencies(of: current).filter(isFailing)
            if failing.isEmpty, current != name { roots.insert(current) }
            for dependency in failing where seen.insert(dependency).inserted { open.append(dependency) }
        }
        return roots.sorted()
    }

    /// Finds a circle without recursion: the configuration decides the depth.
    private static func cycle(in edges: [String: [String]]) -> [String]? {
        var finished: Set<String> = []
        for start in edges.keys.sorted() where !finished.contains(start) {
            var path: [(name: String, next: Int)] = [(start, 0)]
            var onPath: Set<String> = [start]
            while let last = path.last {
                let dependencies = edges[last.name] ?? []
                guard last.next < dependencies.count else {
                    path.removeLast()
                    onPath.remove(last.name)
                    finished.insert(last.name)
                    continue
                }
                path[path.count - 1].next += 1
                let next = dependencies[last.next]
                if onPath.contains(next) {
                    let names = path.map(\.name)
                    return Array(names[(names.firstIndex(of: next) ?? 0)...]) + [next]
                }
                if !finished.contains(next) {
                    path.append((next, 0))
                    onPath.insert(next)
                }
            }
        }
        return nil
    }
}
