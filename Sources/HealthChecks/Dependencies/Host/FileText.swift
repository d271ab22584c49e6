// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Small files of `/proc` and `/sys`, whose size is not known before they are read.
enum FileText {
    /// At most `limit` bytes; nil when the file cannot be read.
    static func bytes(_ path: String, limit: Int = 1 << 20) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var content: [UInt8] = []
        while content.count < limit {
            var count = 0
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, initialized in
                count = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                initialized = max(0, count)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0 { return content.isEmpty ? nil : content }
            if count == 0 { break }
            content += chunk
        }
        return content
    }

    static func read(_ path: String) -> String? {
        bytes(path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The lines of a file, split into words.
    static func lines(_ path: String) -> [[Substring]] {
        guard let text = read(path) else { return [] }
        return text.utf8.split(separator: 10).map { line in
            line.split(whereSeparator: { $0 == 32 || $0 == 9 }).map { Substring($0) }
        }
    }

    /// A file that holds one number; nil for `max` and for what is none.
    static func number(_ path: String) -> Double? {
        guard let text = bytes(path, limit: 64) else { return nil }
        return Double(String(decoding: text.prefix { $0 > 32 }, as: UTF8.self))
    }
}
