// SPDX-License-Identifier: Apache-2.0

import CPostgres

/// The rows of one statement, as text.
package struct PostgresResult: Sendable {
    package var columns: [String] = []
    /// nil stands for NULL.
    package var rows: [[String?]] = []
    /// Whether rows were left out because there were more than the limit.
    package var isCut = false
    /// How many rows a statement without an answer has inserted, changed or deleted.
    package var changed = 0

    package init() {}

    /// The first column of the first row.
    package var scalar: String? { rows.first?.first ?? nil }

    /// The outcome of a statement that gives no rows; the result stays the caller's.
    init(changesOf result: OpaquePointer) {
        changed = unsafe PQcmdTuples(result).flatMap { Int(unsafe String(cString: $0)) } ?? 0
    }

    /// Copies at most `limit` rows; the result stays the caller's.
    init(_ result: OpaquePointer, limit: Int) {
        let columnCount = unsafe PQnfields(result)
        let rowCount = unsafe PQntuples(result)
        for column in 0..<columnCount {
            columns.append(unsafe PQfname(result, column).map { unsafe String(cString: $0) } ?? "")
        }
        isCut = Int(rowCount) > limit
        rows.reserveCapacity(min(Int(rowCount), limit))
        for row in 0..<min(rowCount, Int32(clamping: limit)) {
            var values: [String?] = []
            values.reserveCapacity(Int(columnCount))
            for column in 0..<columnCount {
                if unsafe PQgetisnull(result, row, column) != 0 {
                    values.append(nil)
                } else {
                    values.append(unsafe PQgetvalue(result, row, column).map { unsafe String(cString: $0) })
                }
            }
            rows.append(values)
        }
    }
}

/// What became of a batch of statements: the results up to the first failure.
package struct PostgresBatch: Sendable {
    package var results: [PostgresResult] = []
    package var failure: PostgresFailure?

    package init() {}
}
