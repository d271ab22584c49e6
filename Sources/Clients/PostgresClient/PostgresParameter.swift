// SPDX-License-Identifier: Apache-2.0

/// A value for `$1`, `$2` … of a statement, as text, with its type: what a NULL or a bare number would be is not guessed.
package struct PostgresParameter: Sendable, Hashable {
    /// The types' object identifiers, as `pg_type` has them.
    package enum TypeIdentifier: UInt32, Sendable {
        case boolean = 16
        case integer = 20
        case text = 25
    }

    package var type: TypeIdentifier
    /// nil stands for NULL.
    package var value: String?

    package init(_ type: TypeIdentifier, _ value: String?) {
        self.type = type
        self.value = value
    }
}
