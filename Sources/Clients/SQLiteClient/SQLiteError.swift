// SPDX-License-Identifier: Apache-2.0

import CSQLite

/// What SQLite refused, on which file. Never carries bound values, which may be secrets.
package struct SQLiteError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What a caller may want to act on; everything else is `other`.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case corrupt, notADatabase, full, readOnly, inputOutput, cannotOpen, permission, busy, constraint, tooBig
        case outOfMemory, interrupted, incompatible, other
    }

    package let kind: Kind
    /// SQLite's extended result code; 0 where the error is this module's own.
    package let code: Int32
    /// SQLite's own words.
    package let message: String
    /// The file, or `:memory:`.
    package let path: String

    package init(kind: Kind, code: Int32 = 0, message: String, path: String) {
        self.kind = kind
        self.code = code
        self.message = message
        self.path = path
    }

    init(code: Int32, message: String, path: String) {
        self.init(kind: Kind(code: code), code: code, message: message, path: path)
    }

    /// The file's content cannot be trusted; a fresh file would work.
    package var isCorruption: Bool { kind == .corrupt || kind == .notADatabase }

    /// The disk, not the data: full, read-only, failing, or not to be opened. Worth trying again later.
    package var isStorage: Bool {
        switch kind {
        case .full, .readOnly, .inputOutput, .cannotOpen, .permission: true
        default: false
        }
    }

    package var description: String { "\(path): \(message) (\(kind.rawValue), sqlite code \(code))" }
}

extension SQLiteError.Kind {
    init(code: Int32) {
        switch code & 0xff {
        case SQLITE_CORRUPT: self = .corrupt
        case SQLITE_NOTADB: self = .notADatabase
        case SQLITE_FULL: self = .full
        case SQLITE_READONLY: self = .readOnly
        case SQLITE_IOERR: self = .inputOutput
        case SQLITE_CANTOPEN: self = .cannotOpen
        case SQLITE_PERM, SQLITE_AUTH: self = .permission
        case SQLITE_BUSY, SQLITE_LOCKED: self = .busy
        case SQLITE_CONSTRAINT: self = .constraint
        case SQLITE_TOOBIG: self = .tooBig
        case SQLITE_NOMEM: self = .outOfMemory
        case SQLITE_INTERRUPT: self = .interrupted
        default: self = .other
        }
    }
}
