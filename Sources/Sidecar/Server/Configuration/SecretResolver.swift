// SPDX-License-Identifier: Apache-2.0

/// Replaces `${env:NAME}`, `${file:PATH}` and `${credential:NAME}` in configured values.
///
/// What they stand for never appears in an error: a message names the placeholder, not its value. The environment and the
/// disk come in through closures.
package struct SecretResolver: Sendable {
    /// Why a placeholder could not be replaced.
    package struct Failure: Error, Equatable, CustomStringConvertible, Sendable {
        package let description: String
    }

    /// A secret is at most this long; a longer file is not one.
    package static let maximumLength = 64 << 10

    private let environment: @Sendable (String) -> String?
    private let file: @Sendable (String) -> [UInt8]?

    /// `file` returns the bytes of a file, or nil when it cannot be read; relative paths are the caller's affair.
    package init(
        environment: @escaping @Sendable (String) -> String?,
        file: @escaping @Sendable (String) -> [UInt8]?
    ) {
        self.environment = environment
        self.file = file
    }

    /// True when `text` holds a placeholder.
    package static func isReference(_ text: String) -> Bool {
        ["${env:", "${file:", "${credential:"].contains { text.contains($0) }
    }

    package func resolve(_ text: String) throws(Failure) -> String {
        guard Self.isReference(text) else { return text }
        var result = ""
        var rest = Substring(text)
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            let inside = rest[start.upperBound...]
            guard let colon = inside.firstIndex(of: ":"),
                let kind = Kind(rawValue: String(inside[..<colon]))
            else {
                result += "${"
                rest = inside
                continue
            }
            guard let end = inside.firstIndex(of: "}") else {
                throw Failure(description: "unclosed placeholder ${\(kind.rawValue):…")
            }
            let name = String(inside[inside.index(after: colon)..<end])
            result += try value(kind, name)
            rest = inside[inside.index(after: end)...]
        }
        return result + rest
    }

    private enum Kind: String {
        case env, file, credential
    }

    private func value(_ kind: Kind, _ name: String) throws(Failure) -> String {
        switch kind {
        case .env:
            guard let value = environment(name) else {
                throw Failure(description: "${env:\(name)}: the environment variable is not set")
            }
            return value
        case .file:
            return try contents(of: name, placeholder: "${file:\(name)}")
        case .credential:
            guard let directory = environment("CREDENTIALS_DIRECTORY") else {
                throw Failure(description: "${credential:\(name)}: $CREDENTIALS_DIRECTORY is not set")
            }
            guard !name.isEmpty, !name.contains("/"), name != ".." else {
                throw Failure(description: "${credential:\(name)}: not the name of a credential")
            }
            return try contents(of: "\(directory)/\(name)", placeholder: "${credential:\(name)}")
        }
    }

    private func contents(of path: String, placeholder: String) throws(Failure) -> String {
        guard var bytes = file(path) else { throw Failure(description: "\(placeholder): the file cannot be read") }
        guard bytes.count <= Self.maximumLength else {
            throw Failure(description: "\(placeholder): longer than 64 KiB")
        }
        // One final line end belongs to the editor, not to the secret.
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(description: "\(placeholder): not UTF-8")
        }
        return text
    }
}

extension Substring {
    /// The first place of `word`, by UTF-8 bytes.
    fileprivate func firstRange(of word: String) -> Range<Index>? {
        let wanted = Array(word.utf8)
        var start = utf8.startIndex
        while start < utf8.endIndex {
            if utf8[start...].starts(with: wanted) { return start..<utf8.index(start, offsetBy: wanted.count) }
            start = utf8.index(after: start)
        }
        return nil
    }
}
