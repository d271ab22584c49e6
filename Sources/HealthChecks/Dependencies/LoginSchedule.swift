// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// When a check tries a new login beside its open connection: a server may serve its old connections and hang on new ones.
package struct LoginSchedule {
    private let interval: Duration?
    /// When a login last succeeded, or was tried beside the open connection; nil while there is no connection.
    private var last: MonotonicTime?
    private var hasFailed = false

    /// - Parameter interval: nil tries none.
    package init(every interval: Duration?) {
        self.interval = interval
    }

    /// One that failed is tried again by every attempt: as long as nobody gets in, the open connection proves nothing.
    package func isDue(at now: MonotonicTime) -> Bool {
        guard let interval, let last else { return false }
        return hasFailed || now - last >= interval
    }

    /// A login beside the open connection begins.
    package mutating func begin(at now: MonotonicTime) { last = now }

    /// What came of it.
    package mutating func end(failed: Bool) { hasFailed = failed }

    /// There is no open connection; a new one will be a login of its own.
    package mutating func connectionLost() { last = nil }

    /// The connection is in use.
    ///
    /// - Returns: whether it is a new one, so that this was a login.
    package mutating func connected(at now: MonotonicTime) -> Bool {
        guard last == nil else { return false }
        last = now
        hasFailed = false
        return true
    }
}
