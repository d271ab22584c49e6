// SPDX-License-Identifier: Apache-2.0

extension SQLiteDatabase {
    /// Brings one component's tables up to date. `steps[n]` leads from version n to n + 1; each runs once, in one
    /// transaction with the note that it ran. A file written by a newer version is refused (`incompatible`) untouched.
    package func migrate(component: String, steps: [String]) throws(SQLiteError) {
        try transaction { () throws(SQLiteError) in
            try execute(
                "CREATE TABLE IF NOT EXISTS component_version (component TEXT PRIMARY KEY, version INTEGER NOT NULL)"
            )
            let query = "SELECT version FROM component_version WHERE component = ?"
            let stored = try integer(query, [.text(component)]) ?? 0
            guard let version = Int(exactly: stored), version >= 0, version <= steps.count else {
                throw SQLiteError(
                    kind: .incompatible,
                    message: "\(component) was written as version \(stored), this program knows \(steps.count)",
                    path: path
                )
            }
            guard version < steps.count else { return }
            for step in steps[version...] { try execute(step) }
            try run(
                "INSERT OR REPLACE INTO component_version VALUES (?, ?)",
                [.text(component), .integer(Int64(steps.count))]
            )
        }
    }
}
