// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Reading rule files from disk, for the command line and the configuration.
package enum RuleFiles {
    /// Rule files larger than this are refused unread.
    package static let sizeLimit = 16 << 20

    /// The text of a file.
    package static func read(_ path: String) throws(RuleFileError) -> String {
        guard let file = unsafe fopen(path, "re") else { throw RuleFileError(path: path, code: errno) }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= sizeLimit else { throw RuleFileError(path: path, code: EFBIG) }
        }
        guard unsafe ferror(file) == 0 else { throw RuleFileError(path: path, code: EIO) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The files that a pattern names, sorted; a pattern without wildcards names itself if it is there.
    package static func matching(_ pattern: String) -> [String] {
        var found = unsafe glob_t()
        defer { unsafe globfree(&found) }
        guard unsafe glob(pattern, 0, nil, &found) == 0, let paths = unsafe found.gl_pathv else { return [] }
        let count = unsafe Int(found.gl_pathc)
        return (0..<count).compactMap { index in unsafe paths[index].map { unsafe String(cString: $0) } }
    }

    /// `path` as seen from the folder that `file` is in.
    static func resolve(_ path: String, besides file: String) -> String {
        if path.hasPrefix("/") || path.isEmpty { return path }
        guard let slash = file.lastIndex(of: "/") else { return path }
        var parts = file[..<slash].split(separator: "/", omittingEmptySubsequences: false)
        for part in path.split(separator: "/") where part != "." {
            if part == "..", let last = parts.last, last != "..", last != ".", last != "" {
                parts.removeLast()
            } else {
                parts.append(part)
            }
        }
        return parts.isEmpty ? "." : parts.joined(separator: "/")
    }
}

/// A file that could not be read.
package struct RuleFileError: Error, Sendable, CustomStringConvertible {
    package let path: String
    package let code: Int32

    package var description: String {
        let reason = unsafe String(cString: strerror(code))
        return "open \(path): \(reason.prefix(1).lowercased() + reason.dropFirst())"
    }
}
