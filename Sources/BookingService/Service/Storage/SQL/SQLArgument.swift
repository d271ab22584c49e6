// SPDX-License-Identifier: Apache-2.0

/// A value of one of the types that the tables have. NULL has a type too: PostgreSQL wants to know it.
package enum SQLValue: Sendable, Hashable {
    case integer(Int64?)
    case text(String?)
    case flag(Bool)
}

/// What can stand for a `?`.
package protocol SQLArgument: Sendable {
    var sqlValue: SQLValue { get }

    /// NULL, in the place of one of these.
    static var sqlNull: SQLValue { get }
}

extension Int64: SQLArgument {
    package var sqlValue: SQLValue { .integer(self) }
    package static var sqlNull: SQLValue { .integer(nil) }
}

extension Int: SQLArgument {
    package var sqlValue: SQLValue { .integer(Int64(self)) }
    package static var sqlNull: SQLValue { .integer(nil) }
}

extension String: SQLArgument {
    package var sqlValue: SQLValue { .text(self) }
    package static var sqlNull: SQLValue { .text(nil) }
}

extension Bool: SQLArgument {
    package var sqlValue: SQLValue { .flag(self) }
    package static var sqlNull: SQLValue { .integer(nil) }
}

extension Optional: SQLArgument where Wrapped: SQLArgument {
    package var sqlValue: SQLValue { map(\.sqlValue) ?? Wrapped.sqlNull }
    package static var sqlNull: SQLValue { Wrapped.sqlNull }
}
