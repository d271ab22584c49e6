// SPDX-License-Identifier: Apache-2.0

/// Builds nodes from events on a stack of its own, counting nodes and depth as it goes.
struct YAMLComposer {
    typealias Failure = YAMLParser.Failure

    private struct Frame {
        var isMapping: Bool
        var line: Int
        var column: Int
        var tag: String?
        var anchor: String?
        var children: [YAMLNode] = []
        var weight = 1
        var height = 0
    }

    private let file: String
    private let limits: YAMLDocument.Limits
    private let problems: YAMLProblems
    private var stack: [Frame] = []
    private var anchors: [String: YAMLNode] = [:]
    private var root: YAMLNode?
    private var visited = 0
    private(set) var nextDocumentLine: Int?

    init(file: String, limits: YAMLDocument.Limits, problems: YAMLProblems) {
        self.file = file
        self.limits = limits
        self.problems = problems
    }

    mutating func compose(_ parser: inout YAMLParser) throws(Failure) -> YAMLNode? {
        var documents = 0
        while true {
            let (event, line, column) = try parser.next()
            switch event {
            case .streamEnd: return root
            case .documentStart:
                documents += 1
                if documents == 2 {
                    nextDocumentLine = line
                    return root
                }
            case .documentEnd, .other: break
            case .scalar(let text, let style, let tag, let anchor):
                let node = YAMLNode(
                    .scalar(text, style: style),
                    line: line,
                    column: column,
                    tag: tag,
                    weight: 1,
                    height: 1
                )
                try place(node, anchor: anchor, visits: 1, line: line, column: column)
            case .alias(let anchor):
                guard let node = anchors[anchor] else {
                    let isOpen = stack.contains { $0.anchor == anchor }
                    let message =
                        isOpen
                        ? "anchor '\(anchor)' value contains itself" : "unknown anchor '\(anchor)' referenced"
                    throw Failure(line: line, column: column, message: message)
                }
                try place(node, anchor: nil, visits: node.weight, line: line, column: column)
            case .sequenceStart(let tag, let anchor):
                try open(Frame(isMapping: false, line: line, column: column, tag: tag, anchor: anchor))
            case .mappingStart(let tag, let anchor):
                try open(Frame(isMapping: true, line: line, column: column, tag: tag, anchor: anchor))
            case .collectionEnd: try close()
            }
        }
    }

    private mutating func open(_ frame: Frame) throws(Failure) {
        guard stack.count < limits.depth else {
            throw Failure(
                line: frame.line,
                column: frame.column,
                message: "nested deeper than \(limits.depth) levels"
            )
        }
        // A name taken again means the newer node from here on; while it is open it means nothing.
        if let anchor = frame.anchor { anchors[anchor] = nil }
        stack.append(frame)
    }

    private mutating func close() throws(Failure) {
        guard let frame = stack.popLast() else { return }
        let content: YAMLNode.Content =
            frame.isMapping ? .mapping(entries(of: frame)) : .sequence(frame.children)
        let node = YAMLNode(
            content,
            line: frame.line,
            column: frame.column,
            tag: frame.tag,
            weight: frame.weight,
            height: frame.height + 1
        )
        try place(node, anchor: frame.anchor, visits: 1, line: frame.line, column: frame.column)
    }

    /// Puts a finished node where it belongs. `visits` is what this place adds to the count: an alias adds all below it.
    private mutating func place(
        _ node: YAMLNode,
        anchor: String?,
        visits: Int,
        line: Int,
        column: Int
    ) throws(Failure) {
        let (total, overflow) = visited.addingReportingOverflow(visits)
        visited = overflow ? .max : total
        guard visited <= limits.nodes else {
            throw Failure(
                line: line,
                column: column,
                message: "more than \(limits.nodes) nodes, aliases followed"
            )
        }
        guard stack.count + node.height <= limits.depth + 1 else {
            throw Failure(
                line: line,
                column: column,
                message: "nested deeper than \(limits.depth) levels"
            )
        }
        if let anchor { anchors[anchor] = node }
        guard !stack.isEmpty else {
            root = node
            return
        }
        let top = stack.count - 1
        stack[top].children.append(node)
        stack[top].weight = min(limits.nodes + 1, stack[top].weight + node.weight)
        stack[top].height = max(stack[top].height, node.height)
    }

    /// Pairs keys with values, reports keys that stand twice (the first wins), resolves merges behind explicit keys.
    private func entries(of frame: Frame) -> [YAMLEntry] {
        var entries: [YAMLEntry] = []
        entries.reserveCapacity(frame.children.count / 2)
        var merges: [YAMLNode] = []
        var lines: [String: Int] = [:]
        for index in stride(from: 0, to: frame.children.count - 1, by: 2) {
            let key = frame.children[index]
            let value = frame.children[index + 1]
            if key.isPlain, key.text == "<<" {
                merges.append(value)
                continue
            }
            guard let name = key.text else {
                problems.add(file: file, at: key, "a key must be plain text, this one is \(key.shortTag)")
                continue
            }
            if let first = lines[name] {
                problems.add(
                    file: file,
                    at: key,
                    "mapping key \"\(name)\" already defined at line \(first)"
                )
                continue
            }
            lines[name] = key.line
            entries.append(YAMLEntry(key: key, value: value, isMerged: false))
        }
        for merge in merges {
            let sources = merge.elements ?? [merge]
            for source in sources {
                guard let merged = source.entries else {
                    problems.add(
                        file: file,
                        at: source,
                        "map merge requires map or sequence of maps as the value"
                    )
                    continue
                }
                for entry in merged {
                    guard let name = entry.name, lines[name] == nil else { continue }
                    lines[name] = entry.key.line
                    entries.append(YAMLEntry(key: entry.key, value: entry.value, isMerged: true))
                }
            }
        }
        return entries
    }
}
