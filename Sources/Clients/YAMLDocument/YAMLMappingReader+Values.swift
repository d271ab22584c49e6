// SPDX-License-Identifier: Apache-2.0

extension YAMLMappingReader {
    /// Any scalar, as text.
    package func string(_ key: String) -> String? {
        guard let value = value(key) else { return nil }
        return text(value, name(key), expected: "text")
    }

    /// Text that must be there and not be empty.
    package func requiredString(_ key: String) -> String? {
        guard value(key) != nil else {
            missing(key)
            return nil
        }
        guard let text = string(key) else { return nil }
        if text.isEmpty {
            problem(key, "\(name(key)) must not be empty")
            return nil
        }
        return text
    }

    package func boolean(_ key: String) -> Bool? {
        scalar(key, expected: "true or false") { YAMLScalar.boolean($0) }
    }

    /// A whole number inside `range`.
    package func integer(_ key: String, in range: ClosedRange<Int> = 0...Int.max) -> Int? {
        let expected =
            range.upperBound == .max
            ? "a whole number of at least \(range.lowerBound)"
            : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return scalar(key, expected: expected) { text in
            YAMLScalar.integer(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// A finite number inside `range`.
    package func number(_ key: String, in range: ClosedRange<Double>? = nil) -> Double? {
        let expected = range.map { "a number from \($0.lowerBound) to \($0.upperBound)" } ?? "a number"
        return scalar(key, expected: expected) { text in
            guard let number = YAMLScalar.number(text), number.isFinite else { return nil }
            return range.map { $0.contains(number) } ?? true ? number : nil
        }
    }

    /// A duration as Prometheus writes it, at least `minimum`.
    package func duration(
        _ key: String,
        atLeast minimum: Duration = .zero,
        atMost maximum: Duration? = nil
    ) -> Duration? {
        let bounds = [
            minimum > .zero ? "at least \(PrometheusDuration.format(minimum))" : nil,
            maximum.map { "at most \(PrometheusDuration.format($0))" },
        ].compactMap(\.self)
        let suffix = bounds.isEmpty ? "" : " of " + bounds.joined(separator: " and ")
        return scalar(key, expected: "a duration like 500ms, 30s or 1h30m" + suffix) { text in
            guard let duration = PrometheusDuration.parse(text), duration >= minimum else { return nil }
            return maximum.map { duration <= $0 } ?? true ? duration : nil
        }
    }

    /// A number of bytes: `64MiB`, `512KB`, `1000`.
    package func bytes(_ key: String, in range: ClosedRange<Int> = 0...Int.max) -> Int? {
        scalar(key, expected: "a size like 64MiB") { text in
            ByteSize.parse(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// One of a closed set of words.
    package func choice<Choice>(_ key: String, of type: Choice.Type = Choice.self) -> Choice?
    where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
        let names = Choice.allCases.map(\.rawValue)
        return scalar(key, expected: "one of " + names.joined(separator: ", "), names: names) {
            Choice(rawValue: $0)
        }
    }

    /// A list of texts. With `orSingle` one bare text counts as a list of one.
    package func strings(_ key: String, orSingle: Bool = false) -> [String]? {
        guard let value = value(key) else { return nil }
        if orSingle, let single = value.text { return [single] }
        guard let elements = list(value, name(key)) else { return nil }
        return elements.enumerated().compactMap { text($1, "\(name(key))[\($0)]", expected: "text") }
    }

    /// A mapping of texts to texts, in the order of the file.
    package func stringPairs(_ key: String) -> [(name: String, value: String)]? {
        guard let value = value(key), let reader = mapping(value, path: name(key)) else { return nil }
        return reader.keys.compactMap { key in
            guard reader.value(key) != nil else { return (key, "") }
            return reader.string(key).map { (key, $0) }
        }
    }

    /// The elements of a list.
    package func list(_ key: String) -> [YAMLNode]? { value(key).flatMap { list($0, name(key)) } }

    /// A mapping under `key`.
    package func mapping(_ key: String) -> YAMLMappingReader? {
        value(key).flatMap { mapping($0, path: name(key)) }
    }

    /// A list of mappings under `key`; elements that are none are reported and left out.
    package func mappings(_ key: String) -> [YAMLMappingReader]? {
        list(key)?.enumerated().compactMap { mapping($1, path: "\(name(key))[\($0)]") }
    }

    /// A reader for any node of the same file.
    package func mapping(_ node: YAMLNode, path: String) -> YAMLMappingReader? {
        YAMLMappingReader(node, file: file, path: path, problems: problems)
    }

    private func list(_ node: YAMLNode, _ name: String) -> [YAMLNode]? {
        if let elements = node.elements { return elements }
        problems.add(file: file, at: node, "\(name) must be a list, this is \(node.shortTag)")
        return nil
    }

    private func text(_ node: YAMLNode, _ name: String, expected: String) -> String? {
        if let text = node.text { return text }
        problems.add(file: file, at: node, "\(name) must be \(expected), this is \(node.shortTag)")
        return nil
    }

    private func scalar<Value>(
        _ key: String,
        expected: String,
        names: [String] = [],
        _ convert: (String) -> Value?
    ) -> Value? {
        guard let value = value(key), let text = text(value, name(key), expected: expected) else {
            return nil
        }
        if let converted = convert(text) { return converted }
        let shown = text.utf8.count > 60 ? text.prefix(60) + "…" : text[...]
        problem(
            key,
            "\(name(key)) must be \(expected), not \"\(shown)\"\(Spelling.hint(for: text, among: names))"
        )
        return nil
    }
}
