// SPDX-License-Identifier: Apache-2.0

/// The first document of a YAML text, read into nodes.
///
/// Hostile input is bounded before it costs anything: the text's size, the nodes that a reader would visit with every
/// alias followed, and the depth. Duplicate keys are problems, merge keys are resolved.
package struct YAMLDocument: Sendable {
    package struct Limits: Sendable {
        package var bytes = 16 << 20
        package var nodes = 100_000
        package var depth = 100

        package init() {}
    }

    package let file: String
    /// nil for an empty document.
    package let root: YAMLNode?
    /// The line where a further document begins, which is not read.
    package let nextDocumentLine: Int?

    /// Reads `text`; nil when it cannot be read at all, with the reason in `problems`. Duplicate keys and bad merges are
    /// reported too, but leave a document.
    package static func parse(
        _ text: String,
        file: String,
        limits: Limits = Limits(),
        problems: YAMLProblems
    ) -> YAMLDocument? {
        parse(Array(text.utf8), file: file, limits: limits, problems: problems)
    }

    /// The same on bytes, which must be UTF-8 (with or without a byte order mark).
    package static func parse(
        _ bytes: [UInt8],
        file: String,
        limits: Limits = Limits(),
        problems: YAMLProblems
    ) -> YAMLDocument? {
        var composer = YAMLComposer(file: file, limits: limits, problems: problems)
        do throws(YAMLParser.Failure) {
            guard bytes.count <= limits.bytes else {
                throw YAMLParser.Failure(line: 1, column: 1, message: "larger than \(limits.bytes) bytes")
            }
            let root = try compose(bytes, with: &composer)
            let isEmpty = root?.isNull ?? true
            return YAMLDocument(file: file, root: isEmpty ? nil : root, nextDocumentLine: composer.nextDocumentLine)
        } catch {
            problems.add(
                YAMLProblem(file: file, line: error.line, column: error.column, message: "yaml: " + error.message)
            )
            return nil
        }
    }

    private static func compose(
        _ bytes: [UInt8],
        with composer: inout YAMLComposer
    ) throws(YAMLParser.Failure) -> YAMLNode? {
        // An empty buffer has no address; libyaml wants one.
        let input = bytes.isEmpty ? [UInt8(ascii: "\n")] : bytes
        return try unsafe input.withUnsafeBufferPointer { buffer throws(YAMLParser.Failure) -> YAMLNode? in
            guard var parser = unsafe YAMLParser(buffer) else {
                throw YAMLParser.Failure(line: 1, column: 1, message: "out of memory")
            }
            return try composer.compose(&parser)
        }
    }
}
