// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// The routing tree with every inherited value filled in; nodes lie in one array, parents before children.
package struct RouteTree: Sendable {
    package struct Node: Sendable {
        /// Matchers from the root down, as group keys begin: `{}/{severity="critical"}`.
        package let key: String
        package let receiver: String
        package let groupBy: RouteConfiguration.Grouping
        package let groupWait: Duration
        package let groupInterval: Duration
        package let repeatInterval: Duration
        package let matchers: [AlertMatcher]
        package let muteTimeIntervals: [String]
        package let activeTimeIntervals: [String]
        package let continues: Bool
        package fileprivate(set) var children: [Int] = []
    }

    package private(set) var nodes: [Node] = []

    /// How deep routes may nest.
    package static let maximumDepth = 100

    package init(_ root: RouteConfiguration) {
        add(root, parent: nil, depth: 0)
    }

    @discardableResult
    private mutating func add(_ route: RouteConfiguration, parent: Node?, depth: Int) -> Int {
        let matchers = route.matchers.sorted()
        let index = nodes.count
        let node = Node(
            key: (parent.map { $0.key + "/" } ?? "") + matchers.alertmanagerText,
            receiver: route.receiver ?? parent?.receiver ?? "",
            groupBy: route.groupBy ?? parent?.groupBy ?? .labels([]),
            groupWait: route.groupWait ?? parent?.groupWait ?? .seconds(30),
            groupInterval: route.groupInterval ?? parent?.groupInterval ?? .seconds(300),
            repeatInterval: route.repeatInterval ?? parent?.repeatInterval ?? .seconds(4 * 3600),
            matchers: matchers,
            muteTimeIntervals: route.muteTimeIntervals,
            activeTimeIntervals: route.activeTimeIntervals,
            continues: route.continues
        )
        nodes.append(node)
        guard depth < Self.maximumDepth else { return index }
        for child in route.routes {
            let childIndex = add(child, parent: node, depth: depth + 1)
            nodes[index].children.append(childIndex)
        }
        return index
    }

    /// The nodes that take an alert, in depth-first order; never empty, because the root takes everything.
    package func matches(_ labels: Labels) -> [Int] {
        var result: [Int] = []
        collect(0, labels, isRoot: true, into: &result)
        return result
    }

    @discardableResult
    private func collect(_ index: Int, _ labels: Labels, isRoot: Bool, into result: inout [Int]) -> Bool {
        let node = nodes[index]
        guard isRoot || node.matchers.matches(labels) else { return false }
        var isTaken = false
        for child in node.children where collect(child, labels, isRoot: false, into: &result) {
            isTaken = true
            if !nodes[child].continues { break }
        }
        if !isTaken { result.append(index) }
        return true
    }

    /// The labels that make an alert's group under a node.
    package func groupLabels(of labels: Labels, node index: Int) -> Labels {
        switch nodes[index].groupBy {
        case .all: labels
        case .labels(let names): labels.keeping(names)
        }
    }

    /// `{}/{severity="critical"}:{alertname="X"}`
    package func groupKey(node index: Int, groupLabels: Labels) -> String {
        nodes[index].key + ":" + GoQuoting.labelSet(groupLabels)
    }
}
