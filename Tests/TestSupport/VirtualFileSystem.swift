// SPDX-License-Identifier: Apache-2.0

import CSQLite
import Glibc
import Synchronization

/// SQLite's door to a virtual disk: a file system that is registered under `name` for as long as this lives.
@safe
package final class VirtualFileSystem {
    package let name: String
    // Invariant: used by the one thread that the disk belongs to; SQLite calls back on it.
    private unowned let disk: VirtualDisk
    private let system: UnsafeMutablePointer<sqlite3_vfs>
    private let nameBytes: UnsafeMutablePointer<CChar>?

    private static let count = Atomic<UInt64>(0)

    init(_ disk: VirtualDisk) {
        self.disk = disk
        name = "virtual-\(Self.count.add(1, ordering: .relaxed).newValue)"
        unsafe nameBytes = strdup(name)
        unsafe system = UnsafeMutablePointer.allocate(capacity: 1)
        var table = unsafe sqlite3_vfs()
        unsafe table.iVersion = 1
        unsafe table.szOsFile = Int32(MemoryLayout<OpenFile>.stride)
        unsafe table.mxPathname = 512
        unsafe table.zName = unsafe nameBytes.map { unsafe UnsafePointer($0) }
        unsafe table.pAppData = Unmanaged.passUnretained(disk).toOpaque()
        unsafe table.xOpen = openFile
        unsafe table.xDelete = { system, name, _ in
            let disk = unsafe owner(system)
            let name = unsafe text(name)
            guard disk.contains(name) else { return Failure.noSuchFile }
            return disk.remove(name) ? SQLITE_OK : Failure.delete
        }
        unsafe table.xAccess = { system, name, _, result in
            unsafe result?.pointee = unsafe owner(system).contains(text(name)) ? 1 : 0
            return SQLITE_OK
        }
        unsafe table.xFullPathname = { _, name, size, out in
            guard let name = unsafe name, let out = unsafe out else { return SQLITE_CANTOPEN }
            unsafe strncpy(out, name, Int(size))
            return SQLITE_OK
        }
        unsafe table.xRandomness = { system, count, out in
            let bytes = unsafe owner(system).randomBytes(Int(count))
            if let out = unsafe out {
                for (index, byte) in bytes.enumerated() { unsafe out[index] = CChar(bitPattern: byte) }
            }
            return count
        }
        unsafe table.xSleep = { _, microseconds in microseconds }
        unsafe table.xCurrentTime = { _, out in
            unsafe out?.pointee = 2_461_000.5
            return SQLITE_OK
        }
        unsafe table.xGetLastError = { _, _, _ in 0 }
        unsafe system.initialize(to: table)
        unsafe sqlite3_vfs_register(system, 0)
    }

    deinit {
        unsafe sqlite3_vfs_unregister(system)
        unsafe system.deallocate()
        unsafe free(nameBytes)
    }
}

/// SQLite's extended codes, which it writes as macros.
private enum Failure {
    static let read = SQLITE_IOERR | 1 << 8
    static let shortRead = SQLITE_IOERR | 2 << 8
    static let sync = SQLITE_IOERR | 4 << 8
    static let truncate = SQLITE_IOERR | 6 << 8
    static let delete = SQLITE_IOERR | 10 << 8
    static let lock = SQLITE_IOERR | 15 << 8
    static let noSuchFile = SQLITE_IOERR | 23 << 8
}

/// SQLite's file object: its methods first, then our file, which it holds, and the memory of the write-ahead log's index.
@unsafe
private struct OpenFile {
    var base: sqlite3_file
    var file: UnsafeMutableRawPointer?
    var shared: UnsafeMutableRawPointer?
    var sharedRegions: Int
    var life: UInt64
}

@unsafe private func owner(_ system: UnsafeMutablePointer<sqlite3_vfs>?) -> VirtualDisk {
    unsafe Unmanaged<VirtualDisk>.fromOpaque(system.unsafelyUnwrapped.pointee.pAppData).takeUnretainedValue()
}

@unsafe private func text(_ name: UnsafePointer<CChar>?) -> String {
    unsafe name.map { unsafe String(cString: $0) } ?? ""
}

@unsafe private func open(_ file: UnsafeMutablePointer<sqlite3_file>?) -> UnsafeMutablePointer<OpenFile> {
    unsafe UnsafeMutableRawPointer(file.unsafelyUnwrapped).assumingMemoryBound(to: OpenFile.self)
}

/// Whether the process that opened the file still lives.
@unsafe private func isAlive(_ file: UnsafeMutablePointer<sqlite3_file>?) -> Bool {
    unsafe open(file).pointee.life == content(file).disk.life
}

@unsafe private func content(_ file: UnsafeMutablePointer<sqlite3_file>?) -> VirtualFile {
    unsafe Unmanaged<VirtualFile>.fromOpaque(open(file).pointee.file.unsafelyUnwrapped).takeUnretainedValue()
}

private let openFile:
    @convention(c) (
        UnsafeMutablePointer<sqlite3_vfs>?, UnsafePointer<CChar>?, UnsafeMutablePointer<sqlite3_file>?, Int32,
        UnsafeMutablePointer<Int32>?
    ) -> Int32 = { system, name, file, flags, outFlags in
        let disk = unsafe owner(system)
        let own = unsafe open(file)
        unsafe own.pointee.base.pMethods = nil
        // A temporary file has no name and no place among the others.
        let content: VirtualFile
        if let name = unsafe name {
            let name = unsafe text(name)
            guard disk.contains(name) || flags & SQLITE_OPEN_CREATE != 0 else { return SQLITE_CANTOPEN }
            if !disk.contains(name), !disk.create(name) { return SQLITE_CANTOPEN }
            content = disk.open(name)
        } else {
            content = VirtualFile(disk: disk)
        }
        unsafe own.pointee.file = Unmanaged.passRetained(content).toOpaque()
        unsafe own.pointee.shared = nil
        unsafe own.pointee.sharedRegions = 0
        unsafe own.pointee.life = disk.life
        unsafe own.pointee.base.pMethods = UnsafePointer(fileMethods)
        unsafe outFlags?.pointee = flags
        return SQLITE_OK
    }

/// The index of the log is 32 KiB a region; a test's log never needs more than this.
private let sharedLimit = 16

private nonisolated(unsafe) let fileMethods: UnsafeMutablePointer<sqlite3_io_methods> = {
    let pointer = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    var table = sqlite3_io_methods()
    table.iVersion = 2
    unsafe table.xClose = { file in
        let own = unsafe open(file)
        unsafe Unmanaged<VirtualFile>.fromOpaque(own.pointee.file.unsafelyUnwrapped).release()
        unsafe own.pointee.file = nil
        unsafe free(own.pointee.shared)
        unsafe own.pointee.shared = nil
        return SQLITE_OK
    }
    unsafe table.xRead = { file, target, count, offset in
        guard let target = unsafe target else { return Failure.read }
        let count = Int(count)
        let content = unsafe content(file)
        let got = max(0, min(count, content.bytes.count - Int(offset)))
        if got > 0 {
            unsafe content.bytes.withUnsafeBytes { source in
                guard let base = source.baseAddress else { return }
                _ = unsafe memcpy(target, base + Int(offset), got)
            }
        }
        guard got < count else { return SQLITE_OK }
        unsafe memset(target + got, 0, count - got)
        return Failure.shortRead
    }
    unsafe table.xWrite = { file, source, count, offset in
        guard unsafe isAlive(file) else { return SQLITE_FULL }
        let bytes = unsafe UnsafeRawBufferPointer(start: source, count: Int(count))
        return unsafe content(file).write(bytes, at: Int(offset)) ? SQLITE_OK : SQLITE_FULL
    }
    unsafe table.xTruncate = { file, size in
        unsafe isAlive(file) && content(file).truncate(to: Int(size)) ? SQLITE_OK : Failure.truncate
    }
    unsafe table.xSync = { file, _ in unsafe isAlive(file) && content(file).sync() ? SQLITE_OK : Failure.sync }
    unsafe table.xFileSize = { file, size in
        unsafe size?.pointee = Int64(content(file).bytes.count)
        return SQLITE_OK
    }
    // Who holds no lock cannot tidy up: a connection that is closed after its process died must not take away the log.
    unsafe table.xLock = { file, _ in unsafe isAlive(file) ? SQLITE_OK : Failure.lock }
    unsafe table.xUnlock = { _, _ in SQLITE_OK }
    unsafe table.xCheckReservedLock = { _, out in
        unsafe out?.pointee = 0
        return SQLITE_OK
    }
    unsafe table.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
    unsafe table.xSectorSize = { _ in Int32(VirtualFile.sector) }
    unsafe table.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
    unsafe table.xShmMap = { file, region, size, extend, out in
        let own = unsafe open(file)
        guard region < sharedLimit else { return SQLITE_NOMEM }
        if unsafe own.pointee.shared == nil { unsafe own.pointee.shared = calloc(sharedLimit, Int(size)) }
        if unsafe region >= own.pointee.sharedRegions {
            guard extend != 0 else {
                unsafe out?.pointee = nil
                return SQLITE_OK
            }
            unsafe own.pointee.sharedRegions = Int(region) + 1
        }
        unsafe out?.pointee = own.pointee.shared.map { unsafe $0 + Int(region) * Int(size) }
        return SQLITE_OK
    }
    unsafe table.xShmLock = { _, _, _, _ in SQLITE_OK }
    unsafe table.xShmBarrier = { _ in }
    unsafe table.xShmUnmap = { file, remove in
        let own = unsafe open(file)
        unsafe free(own.pointee.shared)
        unsafe own.pointee.shared = nil
        unsafe own.pointee.sharedRegions = 0
        return SQLITE_OK
    }
    unsafe pointer.initialize(to: table)
    return unsafe pointer
}()
