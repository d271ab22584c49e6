// SPDX-License-Identifier: Apache-2.0

package import Calendar
import Glibc

/// The disk and the environment as the configuration sees them.
package struct FileAccess: Sendable {
    package var read: @Sendable (String) -> [UInt8]?
    /// The files that a pattern stands for, sorted.
    package var expand: @Sendable (String) -> [String]
    package var environment: @Sendable (String) -> String?
    package var zone: @Sendable (String) -> TimeZoneRules?
    /// What relative paths count from; empty for the working directory.
    private var base = ""

    package init(
        read: @escaping @Sendable (String) -> [UInt8]?,
        expand: @escaping @Sendable (String) -> [String],
        environment: @escaping @Sendable (String) -> String?,
        zone: @escaping @Sendable (String) -> TimeZoneRules?
    ) {
        self.read = read
        self.expand = expand
        self.environment = environment
        self.zone = zone
    }

    /// A configuration file larger than this is a mistake.
    private static let limit = 16 << 20

    /// The machine's own.
    package static let system = FileAccess(
        read: { path in contents(of: path) },
        expand: { pattern in matches(of: pattern) },
        environment: { name in unsafe getenv(name).map { unsafe String(cString: $0) } },
        zone: { name in
            guard !name.contains(".."), !name.hasPrefix("/") else { return nil }
            return contents(of: "/usr/share/zoneinfo/\(name)").flatMap { try? TimeZoneRules(tzif: $0, name: name) }
        }
    )

    /// The same with relative paths counted from a directory.
    package func relative(to directory: String) -> FileAccess {
        // Absolute, because what `expand` answers is handed to `read` again.
        let base =
            directory.hasPrefix("/") ? directory : Self.currentDirectory + (directory.isEmpty ? "" : "/\(directory)")
        @Sendable func resolve(_ path: String) -> String { path.hasPrefix("/") ? path : "\(base)/\(path)" }
        var access = self
        let (read, expand) = (read, expand)
        access.read = { read(resolve($0)) }
        access.expand = { expand(resolve($0)) }
        access.base = base
        return access
    }

    /// The path as others have to be told it.
    package func absolute(_ path: String) -> String {
        path.hasPrefix("/") || base.isEmpty ? path : "\(base)/\(path)"
    }

    private static var currentDirectory: String {
        guard let path = unsafe getcwd(nil, 0) else { return "." }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }

    /// The part of a path before its last component; empty for a bare name.
    package static func directory(of path: String) -> String {
        path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ""
    }

    private static func contents(of path: String) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= limit {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
        return nil
    }

    private static func matches(of pattern: String) -> [String] {
        var result = unsafe glob_t()
        defer { unsafe globfree(&result) }
        guard unsafe glob(pattern, 0, nil, &result) == 0 else { return [] }
        var paths: [String] = []
        for index in unsafe 0..<Int(result.gl_pathc) {
            if let path = unsafe result.gl_pathv[index] { unsafe paths.append(String(cString: path)) }
        }
        return paths
    }
}
