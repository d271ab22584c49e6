// SPDX-License-Identifier: Apache-2.0

/// Finds targets in files. Reads what has changed since the last look; a file that is broken or cannot be read keeps the
/// targets it had, one that is gone takes them along.
package final class FileDiscovery {
    /// What tells one state of a file from another.
    package struct Signature: Hashable, Sendable {
        package var device: UInt64
        package var inode: UInt64
        package var size: Int64
        /// Nanoseconds of Unix time.
        package var modified: Int64

        package init(device: UInt64, inode: UInt64, size: Int64, modified: Int64) {
            self.device = device
            self.inode = inode
            self.size = size
            self.modified = modified
        }
    }

    /// The disk.
    package struct Disk: Sendable {
        package var expand: @Sendable (String) -> [String]
        /// nil when there is no such file.
        package var signature: @Sendable (String) -> Signature?
        package var read: @Sendable (String) -> [UInt8]?

        package init(
            expand: @escaping @Sendable (String) -> [String],
            signature: @escaping @Sendable (String) -> Signature?,
            read: @escaping @Sendable (String) -> [UInt8]?
        ) {
            self.expand = expand
            self.signature = signature
            self.read = read
        }
    }

    /// Files beyond this are left out.
    package static let maximumFiles = 1_000

    private struct Known {
        var signature: Signature?
        var groups: [ScrapeConfiguration.TargetGroup] = []
        var failure: DiscoveryResult.Failure?
    }

    private let patterns: [String]
    private let disk: Disk
    private var files: [String: Known] = [:]
    private var isFirst = true

    package init(_ configuration: DiscoveryConfiguration.Files, disk: Disk) {
        patterns = configuration.patterns
        self.disk = disk
    }

    /// Looks at the files; nil when nothing has changed since the last look.
    ///
    /// - Parameter isFull: reads even what looks unchanged.
    package func look(isFull: Bool) -> DiscoveryResult? {
        var paths: [String] = []
        for pattern in patterns {
            let found = Self.isPattern(pattern) ? disk.expand(pattern) : [pattern]
            for path in found where !paths.contains(path) && paths.count < Self.maximumFiles { paths.append(path) }
        }
        var isChanged = isFirst
        isFirst = false
        var now: [String: Known] = [:]
        for path in paths {
            let before = files[path]
            let signature = disk.signature(path)
            if !isFull, let before, before.signature == signature {
                now[path] = before
                continue
            }
            let new = read(path, signature, before)
            // What stays broken is told again only when everything is read.
            if new.groups != before?.groups || new.failure != before?.failure || before == nil { isChanged = true }
            now[path] = new
        }
        if Set(now.keys) != Set(files.keys) { isChanged = true }
        files = now
        guard isChanged || (isFull && now.values.contains { $0.failure != nil }) else { return nil }
        return DiscoveryResult(
            groups: paths.flatMap { now[$0]?.groups ?? [] },
            failures: paths.compactMap { now[$0]?.failure }
        )
    }

    private func read(_ path: String, _ signature: Signature?, _ before: Known?) -> Known {
        var known = Known(signature: signature, groups: before?.groups ?? [])
        guard signature != nil else {
            // A plain path that is not there, or no longer.
            known.groups = []
            known.failure = DiscoveryResult.Failure(subject: path, reason: "missing", text: "there is no such file")
            return known
        }
        guard let bytes = disk.read(path) else {
            known.failure = DiscoveryResult.Failure(subject: path, reason: "unreadable", text: "cannot be read")
            return known
        }
        do throws(TargetFile.Unreadable) {
            known.groups = try TargetFile.groups(bytes, path: path)
        } catch {
            known.failure = DiscoveryResult.Failure(subject: path, reason: "invalid", text: error.description)
        }
        return known
    }

    private static func isPattern(_ path: String) -> Bool { path.contains { "*?[".contains($0) } }
}
