// SPDX-License-Identifier: Apache-2.0

import CSQLite
import Foundation
import Synchronization

/// A SQLite file system over the platform's that stops taking writes after so many of them, as a process that is
/// killed, or fails some of them, as a bad disk. What was written before stays, as the kernel keeps it.
@safe
final class FaultyDisk: @unchecked Sendable {
    // Invariant: one test thread at a time uses a disk; SQLite calls back on that thread.
    enum Fault { case none, killed, failing }

    let name: String
    private(set) var operations = 0
    /// The number of writing operations that succeed; the next one and all after it fail.
    var allowed = Int.max
    var fault = Fault.none

    private let system: UnsafeMutablePointer<sqlite3_vfs>
    private let nameBytes: UnsafeMutablePointer<CChar>?

    init() {
        name = "faulty-\(UUID().uuidString)"
        unsafe nameBytes = strdup(name)
        unsafe system = UnsafeMutablePointer.allocate(capacity: 1)
        var table = unsafe sqlite3_vfs()
        if let base = unsafe sqlite3_vfs_find(nil) { unsafe table = base.pointee }
        unsafe table.zName = unsafe nameBytes.map { unsafe UnsafePointer($0) }
        unsafe table.pNext = nil
        unsafe table.szOsFile += Int32(MemoryLayout<FaultyFile>.stride)
        unsafe table.xOpen = openFile
        unsafe table.xDelete = deleteFile
        unsafe system.initialize(to: table)
        unsafe system.pointee.pAppData = Unmanaged.passUnretained(self).toOpaque()
        unsafe sqlite3_vfs_register(system, 0)
    }

    deinit {
        unsafe sqlite3_vfs_unregister(system)
        unsafe system.deallocate()
        unsafe free(nameBytes)
    }

    /// Counts a writing operation; false when it must fail.
    func mayWrite() -> Bool {
        operations += 1
        switch fault {
        case .none: return true
        case .killed, .failing: return operations <= allowed
        }
    }

    var isDead: Bool { fault == .killed && operations > allowed }
}

/// SQLite's file object: its methods first, then the disk, then the platform's own object.
@safe
struct FaultyFile {
    var base: sqlite3_file
    var disk: UnsafeMutableRawPointer?
}

@unsafe private func inner(_ file: UnsafeMutablePointer<sqlite3_file>?) -> UnsafeMutablePointer<sqlite3_file> {
    let raw = unsafe UnsafeMutableRawPointer(file.unsafelyUnwrapped) + MemoryLayout<FaultyFile>.stride
    return unsafe raw.assumingMemoryBound(to: sqlite3_file.self)
}

@unsafe private func methods(_ file: UnsafeMutablePointer<sqlite3_file>?) -> sqlite3_io_methods {
    unsafe inner(file).pointee.pMethods.pointee
}

@unsafe private func disk(_ file: UnsafeMutablePointer<sqlite3_file>?) -> FaultyDisk {
    let raw = unsafe UnsafeMutableRawPointer(file.unsafelyUnwrapped).assumingMemoryBound(to: FaultyFile.self)
    return unsafe Unmanaged<FaultyDisk>.fromOpaque(raw.pointee.disk.unsafelyUnwrapped).takeUnretainedValue()
}

private let deleteFile: @convention(c) (UnsafeMutablePointer<sqlite3_vfs>?, UnsafePointer<CChar>?, Int32) -> Int32 = {
    system,
    name,
    sync in
    guard let system = unsafe system, let base = unsafe sqlite3_vfs_find(nil) else { return SQLITE_IOERR }
    let disk = unsafe Unmanaged<FaultyDisk>.fromOpaque(system.pointee.pAppData).takeUnretainedValue()
    guard disk.mayWrite() else { return SQLITE_IOERR }
    return unsafe base.pointee.xDelete(base, name, sync)
}

private let openFile:
    @convention(c) (
        UnsafeMutablePointer<sqlite3_vfs>?, UnsafePointer<CChar>?, UnsafeMutablePointer<sqlite3_file>?, Int32,
        UnsafeMutablePointer<Int32>?
    ) -> Int32 = { system, name, file, flags, outFlags in
        guard let system = unsafe system, let base = unsafe sqlite3_vfs_find(nil), let file = unsafe file else {
            return SQLITE_IOERR
        }
        let own = unsafe UnsafeMutableRawPointer(file).assumingMemoryBound(to: FaultyFile.self)
        unsafe own.pointee.disk = system.pointee.pAppData
        unsafe own.pointee.base.pMethods = nil
        let code = unsafe base.pointee.xOpen(base, name, inner(file), flags, outFlags)
        if code == SQLITE_OK { unsafe own.pointee.base.pMethods = UnsafePointer(faultyMethods) }
        return code
    }

private nonisolated(unsafe) let faultyMethods: UnsafeMutablePointer<sqlite3_io_methods> = {
    let pointer = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    var table = sqlite3_io_methods()
    table.iVersion = 2
    unsafe table.xClose = { file in unsafe methods(file).xClose(inner(file)) }
    unsafe table.xRead = { file, bytes, count, offset in unsafe methods(file).xRead(inner(file), bytes, count, offset) }
    unsafe table.xWrite = { file, bytes, count, offset in
        guard unsafe disk(file).mayWrite() else { return SQLITE_IOERR }
        return unsafe methods(file).xWrite(inner(file), bytes, count, offset)
    }
    unsafe table.xTruncate = { file, size in
        guard unsafe disk(file).mayWrite() else { return SQLITE_IOERR }
        return unsafe methods(file).xTruncate(inner(file), size)
    }
    // Memory survives a killed process: a sync is counted, and skipped for speed.
    unsafe table.xSync = { file, _ in unsafe disk(file).mayWrite() ? SQLITE_OK : SQLITE_IOERR }
    unsafe table.xFileSize = { file, size in unsafe methods(file).xFileSize(inner(file), size) }
    unsafe table.xLock = { file, level in unsafe methods(file).xLock(inner(file), level) }
    unsafe table.xUnlock = { file, level in unsafe methods(file).xUnlock(inner(file), level) }
    unsafe table.xCheckReservedLock = { file, out in unsafe methods(file).xCheckReservedLock(inner(file), out) }
    unsafe table.xFileControl = { file, operation, argument in
        unsafe methods(file).xFileControl(inner(file), operation, argument)
    }
    unsafe table.xSectorSize = { file in unsafe methods(file).xSectorSize(inner(file)) }
    unsafe table.xDeviceCharacteristics = { file in unsafe methods(file).xDeviceCharacteristics(inner(file)) }
    unsafe table.xShmMap = { file, region, size, extend, out in
        unsafe methods(file).xShmMap(inner(file), region, size, extend, out)
    }
    unsafe table.xShmLock = { file, offset, count, flags in
        unsafe methods(file).xShmLock(inner(file), offset, count, flags)
    }
    unsafe table.xShmBarrier = { file in unsafe methods(file).xShmBarrier(inner(file)) }
    unsafe table.xShmUnmap = { file, remove in unsafe methods(file).xShmUnmap(inner(file), remove) }
    unsafe pointer.initialize(to: table)
    return unsafe pointer
}()
