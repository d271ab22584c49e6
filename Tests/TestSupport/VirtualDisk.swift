// SPDX-License-Identifier: Apache-2.0

/// A disk in memory with a kernel's page cache in front of it: what a killed process wrote stays, what a power cut finds
/// unsynced is there in part, torn, or not at all. Any write may be the last one of the process, or fail.
///
/// For one thread. Databases reach it as a SQLite file system (`fileSystem`), others by the functions below.
package final class VirtualDisk {
    package enum Fault: Sendable, Equatable {
        case none
        /// The process dies at the first write after so many; half of that write may be done.
        case death(after: Int)
        /// Writes and syncs fail with this chance.
        case failing(Double)
    }

    /// What the disk does instead of a write.
    enum Verdict: Equatable {
        case proceed
        /// Only so many of its bytes, and an error.
        case fail(after: Int)
    }

    private(set) var files: [String: VirtualFile] = [:]
    package var fault = Fault.none
    /// Set when the process died of a write; nothing works from then on until `crash`.
    package private(set) var isDead = false
    package private(set) var writes = 0
    /// Which process has the disk: what an earlier one opened works no more, also if it is closed only now.
    package private(set) var life: UInt64 = 0
    private var random: SeededGenerator
    private let keepsUnsynced: Bool
    package private(set) lazy var fileSystem = VirtualFileSystem(self)

    /// - Parameter losesPower: what is not synced may get lost; costs a copy of every write.
    package init(seed: UInt64, losesPower: Bool) {
        random = SeededGenerator(seed: seed)
        keepsUnsynced = losesPower
    }

    // MARK: Files

    package var names: [String] { files.keys.sorted() }
    package func contains(_ name: String) -> Bool { files[name] != nil }
    package func bytes(of name: String) -> [UInt8]? { files[name]?.bytes }

    func open(_ name: String) -> VirtualFile {
        if let file = files[name] { return file }
        let file = VirtualFile(disk: self)
        files[name] = file
        return file
    }

    /// A file that was there before.
    package func install(_ bytes: [UInt8], as name: String) { open(name).begin(with: bytes) }

    /// False when the disk refuses.
    package func create(_ name: String) -> Bool {
        guard judge(0) == .proceed else { return false }
        _ = open(name)
        return true
    }

    package func remove(_ name: String) -> Bool {
        guard judge(0) == .proceed else { return false }
        files[name] = nil
        return true
    }

    package func rename(_ name: String, to other: String) -> Bool {
        guard judge(0) == .proceed else { return false }
        files[other] = files.removeValue(forKey: name)
        return true
    }

    package func append(_ bytes: [UInt8], to name: String) -> Bool {
        guard let file = files[name] else { return false }
        return unsafe bytes.withUnsafeBytes { unsafe file.write($0, at: file.bytes.count) }
    }

    package func truncate(_ name: String, to size: Int) -> Bool { files[name]?.truncate(to: size) ?? false }
    package func sync(_ name: String) -> Bool { files[name]?.sync() ?? false }

    // MARK: Faults

    /// What happens to a write of `count` bytes.
    func judge(_ count: Int) -> Verdict {
        guard !isDead else { return .fail(after: 0) }
        writes += 1
        switch fault {
        case .none: return .proceed
        case .death(let limit):
            guard writes > limit else { return .proceed }
            isDead = true
            return .fail(after: count > 0 ? Int.random(in: 0...count, using: &random) : 0)
        case .failing(let chance):
            guard random.chance(chance) else { return .proceed }
            return .fail(after: count > 0 && random.chance(0.3) ? Int.random(in: 0...count, using: &random) : 0)
        }
    }

    func randomBytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }

    var remembersUnsynced: Bool { keepsUnsynced }

    /// The process is killed: what it still tries, such as closing its files in good order, has no effect.
    package func kill() { isDead = true }

    /// The process is gone, and with `power` the page cache as well. What it had open does nothing any more.
    package func crash(power: Bool) {
        for name in names { files[name]?.crash(power: power && keepsUnsynced, random: &random) }
        isDead = false
        life += 1
        fault = .none
    }
}

/// One file of a virtual disk.
final class VirtualFile {
    private enum Change {
        case write(offset: Int, bytes: [UInt8])
        case truncate(Int)
    }

    static let sector = 512

    unowned let disk: VirtualDisk
    /// As the process sees it.
    private(set) var bytes: [UInt8] = []
    /// As it is on the medium.
    private var durable: [UInt8] = []
    private var unsynced: [Change] = []

    init(disk: VirtualDisk) { self.disk = disk }

    func begin(with content: [UInt8]) { (bytes, durable) = (content, content) }

    func write(_ source: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        switch disk.judge(source.count) {
        case .proceed:
            unsafe apply(source, at: offset)
            return true
        case .fail(let count):
            if count > 0 { unsafe apply(UnsafeRawBufferPointer(rebasing: source.prefix(count)), at: offset) }
            return false
        }
    }

    private func apply(_ source: UnsafeRawBufferPointer, at offset: Int) {
        unsafe Self.copy(source, to: &bytes, at: offset)
        if disk.remembersUnsynced { unsynced.append(unsafe .write(offset: offset, bytes: Array(source))) }
    }

    private static func copy(_ source: UnsafeRawBufferPointer, to target: inout [UInt8], at offset: Int) {
        let end = offset + source.count
        if target.count < end { target.append(contentsOf: repeatElement(0, count: end - target.count)) }
        unsafe target.withUnsafeMutableBytes { buffer in
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<end]).copyMemory(from: source)
        }
    }

    func truncate(to size: Int) -> Bool {
        guard disk.judge(0) == .proceed else { return false }
        resize(&bytes, size)
        if disk.remembersUnsynced { unsynced.append(.truncate(size)) }
        return true
    }

    private func resize(_ target: inout [UInt8], _ size: Int) {
        if size < target.count {
            target.removeSubrange(size...)
        } else {
            target.append(contentsOf: repeatElement(0, count: size - target.count))
        }
    }

    func sync() -> Bool {
        guard disk.judge(0) == .proceed else { return false }
        // Change by change: a copy of the whole file would be made again by the next write.
        for change in unsynced { apply(change, of: nil) }
        unsynced.removeAll(keepingCapacity: true)
        return true
    }

    /// Brings a change to the medium, of a write only so many bytes.
    private func apply(_ change: Change, of count: Int?) {
        switch change {
        case .truncate(let size): resize(&durable, size)
        case .write(let offset, let content):
            unsafe content.withUnsafeBytes { source in
                let part = unsafe source.prefix(count ?? source.count)
                unsafe Self.copy(UnsafeRawBufferPointer(rebasing: part), to: &durable, at: offset)
            }
        }
    }

    func crash(power: Bool, random: inout SeededGenerator) {
        defer { unsynced.removeAll() }
        guard power else {
            durable = bytes
            return
        }
        // Each unsynced change reached the medium, or did not; of the last one that did perhaps only some sectors.
        for change in unsynced where random.chance(0.5) {
            guard case .write(_, let content) = change else {
                apply(change, of: nil)
                continue
            }
            let sectors = content.count / Self.sector
            apply(change, of: random.chance(0.8) ? nil : Self.sector * Int.random(in: 0...sectors, using: &random))
        }
        bytes = durable
    }
}
